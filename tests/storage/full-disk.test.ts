import { execFileSync } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createDiskStore } from '../../src/storage/disk/index.ts';
import { createWorkspaces } from '../../src/storage/workspace/index.ts';
import { permitSkip } from '../support/skips.ts';
import { makeTempFolder } from '../support/temporary-folder.ts';

it('says that a disk is full, leaves no half object, and goes on once there is room', async (context) => {
  const folder = await makeTempFolder();
  onTestFinished(() => folder.remove());
  const root = join(folder.path, 'small');
  await mkdir(root);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', root], { stdio: 'ignore' });
  } catch {
    context.skip(permitSkip('this user cannot mount a small disk'));
  }
  onTestFinished(() => {
    execFileSync('umount', [root]);
  });
  const store = createDiskStore({ root });
  const workspace = await createWorkspaces({ root, runner: { uid: 10001, gid: 10001 } }).create({
    sessionId: 's',
    jobId: 'j',
  });
  const output = await workspace.openOutput('stdout');
  await store.putObject('s/old', new Uint8Array(1000));

  const isFull = { name: 'StoreError', code: 'no_space' };
  await expect(store.putObject('s/old', new Uint8Array(2 ** 21))).rejects.toMatchObject(isFull);
  expect(await store.headObject('s/old')).toEqual({ size: 1000 });
  expect(await readdir(join(root, '.supervisor/tmp'))).toEqual([]);

  const outOfSpace = { name: 'WorkspaceError', code: 'no_space' };
  await expect(output.write(new Uint8Array(2 ** 21), 0)).rejects.toMatchObject(outOfSpace);
  await output.close();
  await expect(workspace.writeControl('job.json', {})).rejects.toMatchObject(outOfSpace);
  await workspace.remove();
  await store.putObject('s/new', new Uint8Array(2 ** 19));
});
