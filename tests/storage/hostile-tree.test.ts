import { execFileSync } from 'node:child_process';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { WORKSPACE_MAX_INODES } from '../../src/core/limits.ts';
import type { CollectBounds, Collection, Workspace } from '../../src/core/workspace.ts';
import { createWorkspaces } from '../../src/storage/workspace/index.ts';
import { HOSTILE_SHAPES, makeMany, ODD_NAMES, type ShapeName } from '../support/hostile-tree.ts';
import { makeTempFolder, openBelow } from '../support/temporary-folder.ts';

const RUNNER = { uid: 10001, gid: 10001 };
const JOB = { sessionId: 's', jobId: 'j' };
const ALL = { maxBytes: 2 ** 30, maxFiles: 10_000 };

describe('what a program left', () => {
  let folder: Awaited<ReturnType<typeof makeTempFolder>>;
  let outside: string;
  let workspace: Workspace;

  beforeEach(async () => {
    folder = await makeTempFolder();
    outside = join(folder.path, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'secret'), 'secret');
    const workspaces = createWorkspaces({
      root: join(folder.path, 'root'),
      runner: RUNNER,
    });
    workspace = await workspaces.create(JOB);
  });

  afterEach(async () => {
    const open = await openBelow(folder.path);
    await workspace.remove();
    execFileSync('test', ['-f', join(outside, 'secret')]);
    await folder.remove();
    expect(open).toEqual([]);
  });

  const collect = async (
    shape: ShapeName,
    bounds: CollectBounds = ALL,
  ): Promise<{ names: string[]; reasons: Record<string, string>; collection: Collection }> => {
    await HOSTILE_SHAPES[shape](workspace.mountSource, outside);
    await workspace.usage();
    const collection = await workspace.collect(bounds);
    return {
      names: collection.files.map(({ path }) => path.slice('workspace/'.length)),
      reasons: Object.fromEntries(collection.skipped.map(({ name, reason }) => [name, reason])),
      collection,
    };
  };

  it('names links and follows none, wherever they lead', async () => {
    const { names, reasons } = await collect('links');
    expect(names).toEqual([]);
    const all = ['out.txt', 'environ', 'fd', 'secret', 'folder', 'root'];
    expect(reasons).toEqual(Object.fromEntries(all.map((name) => [name, 'symlink'])));
    for (const name of ['out.txt', 'secret', 'folder/secret', 'root/etc/passwd']) {
      await expect(workspace.read(`workspace/${name}`)).rejects.toMatchObject({ code: 'unavailable' });
    }
  });

  it('ends at once on link loops and chains', async () => {
    const begun = performance.now();
    const { names, reasons } = await collect('linkLoops');
    expect(performance.now() - begun).toBeLessThan(1000);
    expect(names).toEqual(['hop-50']);
    expect(Object.keys(reasons)).toHaveLength(53);
  });

  it('writes nothing through names that look like its own', async () => {
    const { names } = await collect('controlNames');
    expect(names).toEqual(['stderr']);
    await workspace.writeControl('job.json', { mine: true });
    await (await workspace.openOutput('stdout')).close();
    expect(await workspace.readControl('job.json')).toEqual({ mine: true });
  });

  it('takes no file that has a second name', async () => {
    const { names, reasons } = await collect('hardLinks');
    expect(names).toEqual([]);
    expect(reasons).toEqual({ secret: 'hard_link', one: 'hard_link', two: 'hard_link' });
  });

  it('opens no FIFO, socket or device', async () => {
    const { names, reasons } = await collect('notFiles');
    expect(names).toEqual([]);
    expect(new Set(Object.values(reasons))).toEqual(new Set(['not_a_file']));
  });

  it('leaves a file of 1 TiB unread', async () => {
    const before = process.memoryUsage.rss();
    const begun = performance.now();
    const { names, reasons } = await collect('sparse');
    expect(performance.now() - begun).toBeLessThan(500);
    expect(names).toEqual(['small']);
    expect(reasons).toEqual({ big: 'too_large' });
    expect(process.memoryUsage.rss() - before).toBeLessThan(32 * 2 ** 20);
  });

  it('hashes a large sparse file in flat memory without holding up others', async () => {
    await writeFile(join(workspace.mountSource, 'big'), '');
    await truncate(join(workspace.mountSource, 'big'), 2 ** 28);
    expect((await workspace.usage()).bytes).toBeLessThan(4096 * 4);
    const before = process.memoryUsage.rss();
    const { result, delayMs } = await withDelay(() => workspace.collect(ALL));
    expect(result.files).toEqual([
      {
        path: 'workspace/big',
        size: 2 ** 28,
        sha256: 'a6d72ac7690f53be6ae46ba88506bd97302a093f7108472bd9efc3cefda06484',
      },
    ]);
    expect(delayMs).toBeLessThan(200);
    expect(process.memoryUsage.rss() - before).toBeLessThan(48 * 2 ** 20);
    const reader = (await workspace.read('workspace/big')).getReader();
    let size = 0;
    for (let part = await reader.read(); !part.done; part = await reader.read()) size += part.value.length;
    expect(size).toBe(2 ** 28);
  });

  it('reads what the program closed to itself', async () => {
    const { names, reasons } = await collect('closedModes');
    expect(names).toEqual(['file', 'setuid', 'sub/deeper/file']);
    expect(reasons).toEqual({});
  });

  it('takes any name that is text, and names the others', async () => {
    const { names, collection } = await collect('oddNames');
    expect([...names].sort()).toEqual([...ODD_NAMES].sort());
    expect(collection.skipped).toHaveLength(4);
    expect(new Set(collection.skipped.map(({ reason }) => reason))).toEqual(new Set(['name_not_utf8']));
    for (const name of ODD_NAMES) {
      const content = await new Response(await workspace.read(`workspace/${name}`)).arrayBuffer();
      expect(Buffer.from(content).equals(Buffer.from(name))).toBe(true);
    }
  });

  it('goes down to its depth and no further', async () => {
    const { names, collection } = await collect('deep');
    expect(names).toEqual([]);
    expect(collection.skipped).toEqual([{ name: `${'d/'.repeat(99)}d`, reason: 'too_deep' }]);
    // What lies too deep to be seen counts as too much.
    expect((await workspace.usage()).inodes).toBeGreaterThan(WORKSPACE_MAX_INODES);
  });

  it('skips paths that would be too long for a key', async () => {
    const long = Array.from({ length: 4 }, () => 'l'.repeat(200)).join('/');
    await mkdir(join(workspace.mountSource, long, '..'), { recursive: true });
    await writeFile(join(workspace.mountSource, long), 'x');
    const { skipped } = await workspace.collect(ALL);
    expect(skipped).toEqual([{ name: long, reason: 'name_too_long' }]);
  });

  it('says when a file changes while it is read', async () => {
    const path = join(workspace.mountSource, 'log');
    await writeFile(path, new Uint8Array(64 * 2 ** 20));
    let done = false;
    const collecting = workspace.collect(ALL).finally(() => {
      done = true;
    });
    while (!done) await writeFile(path, 'more', { flag: 'a' });
    const { files, skipped } = await collecting;
    expect(files).toEqual([]);
    expect(skipped).toEqual([{ name: 'log', reason: 'changed_while_read' }]);
  });

  it('collects 5,000 files in under 2 s', async () => {
    makeMany(workspace.mountSource, 5000);
    const begun = performance.now();
    expect((await workspace.collect(ALL)).files).toHaveLength(5000);
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});

describe('very many files', () => {
  it('caps 200,000 files in under 5 s without holding up others', { timeout: 60_000 }, async () => {
    const folder = await makeTempFolder('fast');
    onTestFinished(() => folder.remove());
    const workspace = await createWorkspaces({ root: folder.path, runner: RUNNER }).create(JOB);
    makeMany(workspace.mountSource, 200_000);
    const begun = performance.now();
    const { result, delayMs } = await withDelay(() => workspace.collect(ALL));
    expect(performance.now() - begun).toBeLessThan(5000);
    expect(delayMs).toBeLessThan(200);
    expect(result.files).toHaveLength(ALL.maxFiles);
    expect(result.truncated).toBe(true);
    expect(result.skipped.length).toBeLessThanOrEqual(1000);
    const usage = await withDelay(() => workspace.usage());
    expect(usage.result.inodes).toBe(200_000);
    expect(usage.delayMs).toBeLessThan(200);
    const removal = await withDelay(() => workspace.remove());
    expect(removal.delayMs).toBeLessThan(200);
  });
});

async function withDelay<T>(work: () => Promise<T>): Promise<{ result: T; delayMs: number }> {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const result = await work();
  delay.disable();
  return { result, delayMs: delay.max / 1e6 };
}
