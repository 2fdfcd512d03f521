import { type ChildProcess, spawn } from 'node:child_process';
import { cp, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acquireInstance, InstanceHeldError } from '../../src/storage/workspace/instance-lock.ts';
import { leaveSocket } from '../support/hostile-tree.ts';
import { makeTempFolder, openBelow } from '../support/temporary-folder.ts';

const HELPER = join(import.meta.dirname, '../support/hold-instance.ts');
const TSX = join(import.meta.dirname, '../../node_modules/tsx/dist/loader.mjs');

/** What a helper says once: `held <id>` or `refused <message>`. */
interface Contender {
  readonly said: Promise<string>;
  kill(): Promise<void>;
}

describe('the lock on a storage folder', () => {
  let folder: Awaited<ReturnType<typeof makeTempFolder>>;
  let root: string;
  let contenders: Contender[];

  beforeEach(async () => {
    folder = await makeTempFolder();
    // Longer than a socket's path may be.
    root = join(folder.path, 'long'.repeat(40));
    contenders = [];
  });

  afterEach(async () => {
    await Promise.all(contenders.map((contender) => contender.kill()));
    const open = await openBelow(folder.path);
    await folder.remove();
    expect(open).toEqual([]);
  });

  const contend = (): Contender => {
    const contender = startContender(root);
    contenders.push(contender);
    return contender;
  };

  const sockets = async (): Promise<string[]> =>
    (await readdir(join(root, '.supervisor'))).filter((name) => name.includes('.sock'));

  it('keeps one id for the folder, in a place that only we can enter', async () => {
    const first = await acquireInstance(root);
    expect((await stat(join(root, '.supervisor'))).mode & 0o777).toBe(0o700);
    await first.release();
    await first.release();
    expect(await sockets()).toEqual([]);
    const second = await acquireInstance(root);
    expect(second.id).toBe(first.id);
    expect(first.id).toMatch(/^[0-9a-f]{32}$/);
    await second.release();
  });

  it('gives a copy of the folder an id of its own, and leaves the original its', async () => {
    const original = await acquireInstance(root);
    await original.release();
    const copy = join(folder.path, 'copy');
    await cp(root, copy, { recursive: true });
    const [again, copied] = [await acquireInstance(root), await acquireInstance(copy)];
    expect(again.id).toBe(original.id);
    expect(copied.id).not.toBe(original.id);
    await Promise.all([again.release(), copied.release()]);
    const later = await acquireInstance(copy);
    expect(later.id).toBe(copied.id);
    await later.release();
  });

  it('refuses a second one with a sentence that names the first', async () => {
    const first = await acquireInstance(root);
    const second = acquireInstance(root);
    await expect(second).rejects.toBeInstanceOf(InstanceHeldError);
    await expect(second).rejects.toMatchObject({ holder: { pid: process.pid, host: hostname() } });
    const said = await contend().said;
    expect(said).toMatch(new RegExp(`^refused .*process ${process.pid} on ${hostname()} since 20`));
    expect(said).toContain('AA_STORAGE_PATH');
    await first.release();
    expect(await contend().said).toBe(`held ${first.id}`);
  });

  it('is free as soon as its holder is killed', async () => {
    const holder = contend();
    const held = await holder.said;
    expect(held).toMatch(/^held/);
    await holder.kill();
    const begun = performance.now();
    const next = await acquireInstance(root);
    expect(performance.now() - begun).toBeLessThan(500);
    expect(`held ${next.id}`).toBe(held);
    expect(await sockets()).toHaveLength(1);
    await next.release();
  });

  it('is held by a process that has been stopped and does not answer', async () => {
    const holder = contend();
    await holder.said;
    process.kill(await pidOf(root), 'SIGSTOP');
    await expect(acquireInstance(root)).rejects.toThrow(/does not answer/);
  });

  it('is taken over by exactly one of several that start together, 20 times', {
    timeout: 60_000,
  }, async () => {
    let holder = await acquireInstance(root);
    for (let round = 0; round < 20; round += 1) {
      await holder.release();
      const stale = `lock-${crypto.randomUUID()}-1.sock`;
      await leaveSocket(join(folder.path, 's'));
      await rename(join(folder.path, 's'), join(root, '.supervisor', stale));
      const before = await Promise.allSettled(Array.from({ length: 6 }, () => acquireInstance(root)));
      const held = before.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      const refused = before.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
      expect(held).toHaveLength(1);
      for (const reason of refused) expect(reason).toBeInstanceOf(InstanceHeldError);
      expect(await sockets()).not.toContain(stale);
      holder = held[0] ?? holder;
    }
    await holder.release();
    expect(await sockets()).toEqual([]);
  });

  it('is taken over by exactly one of several processes after a kill', { timeout: 60_000 }, async () => {
    for (let round = 0; round < 3; round += 1) {
      const said = await Promise.all(Array.from({ length: 3 }, () => contend().said));
      expect(said.filter((line) => line.startsWith('held'))).toHaveLength(1);
      expect(said.filter((line) => line.startsWith('refused'))).toHaveLength(2);
      await Promise.all(contenders.map((contender) => contender.kill()));
    }
  });

  it('clears away what a killed one was writing, and sets an unreadable id aside', async () => {
    const first = await acquireInstance(root);
    await writeFile(join(root, '.supervisor/tmp/half'), 'half');
    await first.release();
    await writeFile(join(root, '.supervisor/instance'), 'torn');
    const second = await acquireInstance(root);
    expect(second.id).not.toBe(first.id);
    expect(await readdir(join(root, '.supervisor/tmp'))).toEqual([]);
    expect(await readFile(join(root, '.supervisor/instance.unreadable'), 'utf8')).toBe('torn');
    await second.release();
  });
});

async function pidOf(root: string): Promise<number> {
  const error = await acquireInstance(root).catch((reason: unknown) => reason);
  if (error instanceof InstanceHeldError && error.holder !== undefined) return error.holder.pid;
  throw new Error('nobody holds the folder');
}

function startContender(root: string): Contender {
  const child = spawn(process.execPath, ['--import', TSX, HELPER, root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  return {
    said: firstLine(child),
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text.trim();
}
