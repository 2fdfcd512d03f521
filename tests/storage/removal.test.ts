import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Workspace, Workspaces } from '../../src/core/workspace.ts';
import { createWorkspaces } from '../../src/storage/workspace/index.ts';
import { HOSTILE_SHAPES, makeDeep } from '../support/hostile-tree.ts';
import { permitSkip, skipTest } from '../support/skips.ts';
import { makeTempFolder, openBelow } from '../support/temporary-folder.ts';

const HELPER = join(import.meta.dirname, '../support/ordinary-user.ts');
const TSX = join(import.meta.dirname, '../../node_modules/tsx/dist/loader.mjs');
const ORDINARY = 65_534;

let folder: Awaited<ReturnType<typeof makeTempFolder>>;

beforeEach(async () => {
  folder = await makeTempFolder();
});

afterEach(() => folder.remove());

describe('removing a job folder', () => {
  let root: string;
  let outside: string;
  let workspaces: Workspaces;
  let workspace: Workspace;

  beforeEach(async () => {
    root = join(folder.path, 'root');
    outside = join(folder.path, 'outside');
    await mkdir(join(outside, 'empty'), { recursive: true });
    await writeFile(join(outside, 'secret'), 'secret');
    workspaces = createWorkspaces({ root, runner: { uid: 10001, gid: 10001 } });
    workspace = await workspaces.create({ sessionId: 's', jobId: 'j' });
  });

  it.each(Object.entries(HOSTILE_SHAPES))('survives %s', async (_name, make) => {
    await make(workspace.mountSource, outside);
    await workspace.remove();
    expect(await readdir(root)).toEqual([]);
    expect(await readdir(outside)).toEqual(['empty', 'secret']);
    expect(await openBelow(folder.path)).toEqual([]);
    await workspace.remove();
  });

  it('keeps the session folder while another job lies in it', async () => {
    await workspaces.create({ sessionId: 's', jobId: 'other' });
    await workspace.remove();
    expect(await readdir(join(root, 's'))).toEqual(['job-other']);
  });

  it('goes on where a removal was cut short', async () => {
    const job = join(root, 's/job-j');
    await mkdir(join(job, '.removing-1/left'), { recursive: true });
    await writeFile(join(job, '.removing-1/left/over'), 'x');
    await symlink(outside, join(job, '.removing-2'));
    await workspace.remove();
    expect(await readdir(root)).toEqual([]);
    expect(await readdir(outside)).toEqual(['empty', 'secret']);
  });

  it('removes what it can, says that something stays, and keeps job.json for the next time', async (context) => {
    await workspace.writeControl('job.json', { id: 'j' });
    await workspace.writeControl('manifest.json', {});
    const stuck = join(workspace.mountSource, 'stuck');
    for (const name of ['a', 'stuck', 'z']) await writeFile(join(workspace.mountSource, name), 'x');
    try {
      execFileSync('chattr', ['+i', stuck], { stdio: 'ignore' });
    } catch {
      skipTest(context, permitSkip('this file system or user cannot make a file immutable'));
    }
    await expect(workspace.remove()).rejects.toMatchObject({ name: 'WorkspaceError', code: 'unavailable' });
    execFileSync('chattr', ['-i', stuck]);
    expect(await readdir(workspace.mountSource)).toEqual(['stuck']);
    expect(await readdir(join(root, 's/job-j'))).toEqual(['job.json', 'workspace']);
    await workspace.remove();
    expect(await readdir(root)).toEqual(['.supervisor']);
  });

  it('removes wide and deep trees in flat memory', async () => {
    for (let at = 0; at < 5; at += 1) {
      await mkdir(join(workspace.mountSource, `${at}`));
      makeDeep(join(workspace.mountSource, `${at}`), 200);
    }
    await workspace.remove();
    expect(await readdir(root)).toEqual([]);
  });
});

describe('as an ordinary user', () => {
  it('reads and removes what its programs closed to themselves', async (context) => {
    if (process.geteuid?.() !== 0)
      skipTest(context, permitSkip('only root can become another user; the other tests ran as one'));
    await chmod(folder.path, 0o755);
    const home = join(folder.path, 'home');
    await mkdir(home);
    execFileSync('chown', [`${ORDINARY}:${ORDINARY}`, home]);
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', TSX, HELPER, home], {
      uid: ORDINARY,
      gid: ORDINARY,
      cwd: home,
      env: { PATH: process.env.PATH, TSX_DISABLE_CACHE: '1', TMPDIR: home },
    });
    expect(JSON.parse(stdout)).toEqual({
      uid: ORDINARY,
      user: { uid: ORDINARY, gid: ORDINARY },
      closed: ['workspace/file', 'workspace/setuid', 'workspace/sub/deeper/file'],
      skipped: [],
      served: 'deep',
      deepSkipped: ['too_deep'],
      left: [],
    });
    expect(existsSync(join(home, 'root'))).toBe(true);
  });
});
