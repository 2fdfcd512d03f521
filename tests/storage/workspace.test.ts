import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Workspace, Workspaces } from '../../src/core/workspace.ts';
import { createWorkspaces } from '../../src/storage/workspace/index.ts';
import { makeTempFolder, openBelow } from '../support/temporary-folder.ts';
import { toArray } from '../support/to-array.ts';

const RUNNER = { uid: 10001, gid: 10001 };
const JOB = { sessionId: 's-1', jobId: 'one' };
const ALL = { maxBytes: 2 ** 30, maxFiles: 10_000 };
const isRoot = process.geteuid?.() === 0;

let folder: Awaited<ReturnType<typeof makeTempFolder>>;
let root: string;
let workspaces: Workspaces;

beforeEach(async () => {
  folder = await makeTempFolder();
  root = join(folder.path, 'root');
  workspaces = createWorkspaces({ root, runner: RUNNER });
});

afterEach(async () => {
  const open = await openBelow(folder.path);
  const scratch = await readdir(join(root, '.supervisor/tmp')).catch(() => []);
  await folder.remove();
  expect([...open, ...scratch]).toEqual([]);
});

describe('job folders', () => {
  it('makes a folder that only we can enter, with a mount that belongs to the program', async () => {
    const workspace = await workspaces.create(JOB);
    expect(workspace.mountSource).toBe(join(root, 's-1/job-one/workspace'));
    expect((await stat(join(root, 's-1/job-one'))).mode & 0o777).toBe(0o700);
    const mount = await stat(workspace.mountSource);
    expect(mount.mode & 0o777).toBe(0o755);
    expect({ uid: mount.uid, gid: mount.gid }).toEqual(workspace.user);
    if (isRoot) expect(workspace.user).toEqual(RUNNER);
  });

  it('says who runs when files can not be given away', async () => {
    const own = { uid: 4711, gid: 4712 };
    const workspace = await createWorkspaces({ root, runner: RUNNER, ownUser: own }).create(JOB);
    expect(workspace.user).toEqual(own);
    expect((await stat(workspace.mountSource)).uid).toBe(process.geteuid?.());
  });

  it('takes inputs whose names mean something elsewhere in the storage', async () => {
    const workspace = await workspaces.create(JOB);
    const files = ['.supervisor/x', 'job.json', 'manifest.json', 'workspace/y', 'inputs/z'];
    const written = await workspace.writeInputs(files.map((path) => ({ path, content: Buffer.from(path) })));
    expect(written.map(({ path }) => path)).toEqual(files.map((path) => `inputs/${path}`));
    expect(await workspace.readControl('job.json')).toBeUndefined();
  });

  it('refuses a second folder for a job, and ids that lead elsewhere', async () => {
    await workspaces.create(JOB);
    await expect(workspaces.create(JOB)).rejects.toMatchObject({ name: 'WorkspaceError', code: 'exists' });
    for (const sessionId of ['..', '.', '', 'a/b', '.supervisor', 'a\0']) {
      const rejected = workspaces.create({ sessionId, jobId: 'x' });
      await expect(rejected).rejects.toMatchObject({ code: 'unavailable' });
      expect(await workspaces.open({ sessionId, jobId: 'x' })).toBeUndefined();
    }
    expect(await readdir(folder.path)).toEqual(['root']);
  });

  it('opens and lists what is there', async () => {
    expect(await toArray(workspaces.list())).toEqual([]);
    expect(await workspaces.open(JOB)).toBeUndefined();
    const jobs = [JOB, { sessionId: 's-1', jobId: 'two' }, { sessionId: 's-2', jobId: 'one' }];
    for (const job of jobs) await (await workspaces.create(job)).writeControl('job.json', job);
    await mkdir(join(root, 's-2/other'));
    await writeFile(join(root, 'file'), '');
    expect(await toArray(workspaces.list())).toEqual(jobs);
    expect(await (await workspaces.open(JOB))?.readControl('job.json')).toEqual(JOB);
  });

  it('creates and removes jobs of one session side by side', async () => {
    const work = Array.from({ length: 40 }, async (_, at) => {
      const workspace = await workspaces.create({ sessionId: 's', jobId: `${at}` });
      await workspace.remove();
      await workspace.remove();
    });
    await Promise.all(work);
    expect(await readdir(root)).toEqual([]);
  });

  it('knows what is free', async () => {
    const free = await workspaces.free();
    expect(free.bytes).toBeGreaterThan(0);
    expect(free.inodes).toBeGreaterThan(0);
  });
});

describe('what goes into a job folder', () => {
  let workspace: Workspace;
  beforeEach(async () => {
    workspace = await workspaces.create(JOB);
  });
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

  it('writes inputs twice: the original beside the mount, a copy in it that the program owns', async () => {
    const umask = process.umask(0o077);
    const files = await workspace.writeInputs([
      { path: 'script.py', content: bytes('print()') },
      { path: 'data/sub/ü.csv', content: new Uint8Array(0) },
    ]);
    process.umask(umask);
    const sha256 = createHash('sha256').update('print()').digest('hex');
    expect(files[0]).toEqual({ path: 'inputs/script.py', size: 7, sha256 });
    expect(files[1]).toMatchObject({ path: 'inputs/data/sub/ü.csv', size: 0 });
    for (const name of ['script.py', 'data', 'data/sub', 'data/sub/ü.csv']) {
      const copy = await stat(join(workspace.mountSource, name));
      expect({ uid: copy.uid, gid: copy.gid }).toEqual(workspace.user);
      expect(copy.mode & 0o777).toBe(copy.isDirectory() ? 0o755 : 0o644);
    }
    await writeFile(join(workspace.mountSource, 'script.py'), 'changed');
    expect(await readFile(join(root, 's-1/job-one/inputs/script.py'), 'utf8')).toBe('print()');
  });

  it('refuses an input that would lie elsewhere', async () => {
    for (const path of ['../x', '/x', 'a/../../x', '', 'a//b', './x']) {
      await expect(workspace.writeInputs([{ path, content: bytes('x') }])).rejects.toThrow();
    }
    expect(await readdir(workspace.mountSource)).toEqual([]);
  });

  it('writes standard input so that the program can read it', async () => {
    const path = await workspace.writeStdin(bytes('hello'));
    expect(path).toBe(join(root, 's-1/job-one/stdin'));
    expect((await stat(path)).mode & 0o777).toBe(0o444);
    expect(await readFile(path, 'utf8')).toBe('hello');
  });

  it('keeps captured output at any position, and describes and reads it', async () => {
    const output = await workspace.openOutput('stdout');
    await output.write(bytes('world'), 6);
    await output.write(bytes('hello '), 0);
    expect(Buffer.from(await output.read(3, 5)).toString()).toBe('lo wo');
    expect(await output.read(9, 100)).toHaveLength(2);
    expect(await output.read(11, 5)).toHaveLength(0);
    await output.close();
    const sha256 = createHash('sha256').update('hello world').digest('hex');
    expect(await workspace.describe('stdout')).toEqual({ path: 'stdout', size: 11, sha256 });
    expect(await new Response(await workspace.read('stdout')).text()).toBe('hello world');
    const again = await workspace.openOutput('stdout');
    expect(Buffer.from(await again.read(0, 100)).toString()).toBe('hello world');
    await again.close();
    await expect(workspace.read('../job-two/stdout')).rejects.toThrow();
  });

  it('replaces control files whole, and takes a torn one for none', async () => {
    expect(await workspace.readControl('job.json')).toBeUndefined();
    const reading = (async () => {
      for (let round = 0; round < 50; round += 1) {
        const value = await workspace.readControl('job.json');
        if (value !== undefined) expect(value).toMatchObject({ filler: 'x'.repeat(50_000) });
      }
    })();
    for (let round = 0; round < 50; round += 1) {
      await workspace.writeControl('job.json', { round, filler: 'x'.repeat(50_000) });
    }
    await reading;
    await writeFile(join(root, 's-1/job-one/manifest.json'), '{"torn":');
    expect(await workspace.readControl('manifest.json')).toBeUndefined();
  });

  it('reads a part of a file that is still being written', async () => {
    const output = await workspace.openOutput('events');
    await output.write(bytes('0123456789'), 0);
    expect(Buffer.from(await workspace.readPart('events', 8, 100)).toString()).toBe('89');
    await output.write(bytes('ab'), 10);
    expect(Buffer.from(await workspace.readPart('events', 8, 3)).toString()).toBe('89a');
    expect(await workspace.readPart('events', 50, 3)).toHaveLength(0);
    await output.close();
    await expect(workspace.readPart('stderr', 0, 1)).rejects.toMatchObject({ name: 'WorkspaceError' });
  });

  it('counts what the program allocated, holes not', async () => {
    expect(await workspace.usage()).toEqual({ bytes: 0, inodes: 0 });
    await mkdir(join(workspace.mountSource, 'sub'));
    await writeFile(join(workspace.mountSource, 'sub/file'), new Uint8Array(100_000));
    const usage = await workspace.usage();
    expect(usage.inodes).toBe(2);
    expect(usage.bytes).toBeGreaterThanOrEqual(100_000);
    expect(usage.bytes).toBeLessThan(200_000);
    await expect(workspace.usage(AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
  });

  it('collects nothing, a little and nested files with their hashes, in byte order', async () => {
    expect(await workspace.collect(ALL)).toEqual({ files: [], skipped: [], truncated: false });
    const names = ['a/x', 'a-b', 'a.c', 'a0', 'é', 'z/deep/er'];
    for (const name of names) {
      await mkdir(join(workspace.mountSource, name, '..'), { recursive: true });
      await writeFile(join(workspace.mountSource, name), name);
    }
    const { files } = await workspace.collect(ALL);
    expect(files.map(({ path }) => path)).toEqual(
      ['a-b', 'a.c', 'a/x', 'a0', 'z/deep/er', 'é'].map((name) => `workspace/${name}`),
    );
    for (const file of files) {
      const content = file.path.slice('workspace/'.length);
      expect(file.sha256).toBe(createHash('sha256').update(content).digest('hex'));
      expect(await new Response(await workspace.read(file.path)).text()).toBe(content);
    }
  });

  it('keeps to its bounds: what does not fit is named, smaller ones after it still come', async () => {
    const sizes = { a: 10, b: 100, c: 20, d: 5 };
    for (const [name, size] of Object.entries(sizes)) {
      await writeFile(join(workspace.mountSource, name), new Uint8Array(size));
    }
    const byBytes = await workspace.collect({ maxBytes: 30, maxFiles: 10 });
    expect(byBytes.files.map(({ path }) => path)).toEqual(['workspace/a', 'workspace/c']);
    expect(byBytes.skipped).toEqual([
      { name: 'b', reason: 'too_large' },
      { name: 'd', reason: 'too_large' },
    ]);
    const byCount = await workspace.collect({ maxBytes: 1000, maxFiles: 2 });
    expect(byCount.files.map(({ path }) => path)).toEqual(['workspace/a', 'workspace/b']);
    expect(byCount.skipped).toEqual([{ name: 'c', reason: 'too_many' }]);
    expect(byCount.truncated).toBe(true);
    const exact = await workspace.collect({ maxBytes: 135, maxFiles: 4 });
    expect(exact).toMatchObject({ skipped: [], truncated: false });
    const stopped = workspace.collect({ ...ALL, signal: AbortSignal.abort(new Error('stop')) });
    await expect(stopped).rejects.toThrow('stop');
  });
});
