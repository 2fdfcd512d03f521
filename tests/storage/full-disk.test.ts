import { execFileSync } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished, type TestContext } from 'vitest';
import { openCapture } from '../../src/core/jobs/capture.ts';
import { completeIndex } from '../../src/core/jobs/complete-index.ts';
import { RECORD_BYTES } from '../../src/core/jobs/event-index.ts';
import { createEventLog } from '../../src/core/jobs/event-log.ts';
import { createDiskStore } from '../../src/storage/disk/index.ts';
import { createWorkspaces } from '../../src/storage/workspace/index.ts';
import { outputOf, readEvents } from '../support/memory-job.ts';
import { permitSkip, skipTest } from '../support/skips.ts';
import { makeTempFolder } from '../support/temporary-folder.ts';

/** A disk of 1 MiB of its own, or a skip where this user can't mount one. */
async function mountSmallDisk(context: TestContext): Promise<string> {
  const folder = await makeTempFolder();
  onTestFinished(() => folder.remove());
  const root = join(folder.path, 'small');
  await mkdir(root);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', root], { stdio: 'ignore' });
  } catch {
    skipTest(context, permitSkip('this user cannot mount a small disk'));
  }
  onTestFinished(() => {
    execFileSync('umount', [root]);
  });
  return root;
}

it('says that a disk is full, leaves no half object, and goes on once there is room', async (context) => {
  const root = await mountSmallDisk(context);
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

it('names in its events only bytes that fitted, and all of them once there is room', async (context) => {
  const root = await mountSmallDisk(context);
  const workspace = await createWorkspaces({ root, runner: { uid: 10001, gid: 10001 } }).create({
    sessionId: 's',
    jobId: 'j',
  });
  const log = createEventLog(await workspace.openOutput('events'));
  const maxBytes = 2 ** 24;
  const streams = await openCapture(workspace, log, maxBytes);
  for (let n = 0; n < 30; n += 1) await streams.stdout.write(new Uint8Array(50_001).fill(65 + n));
  await expect(streams.finish()).rejects.toMatchObject({ code: 'no_space' });
  await log.close().catch(() => {});
  const { size } = await workspace.describe('stdout');
  const before = await readEvents(workspace, log.count);
  expect(before.length).toBeGreaterThan(0);
  const told = outputOf(before, 'stdout');
  const wholeChunks = Math.floor(size / 50_001) * 50_001;
  expect(told.length).toBeLessThanOrEqual(wholeChunks);

  execFileSync('mount', ['-o', 'remount,size=4m', root]);
  await completeIndex(workspace, maxBytes, { stdout: size, stderr: 0 });
  const count = Math.floor((await workspace.describe('events')).size / RECORD_BYTES);
  const after = await readEvents(workspace, count);
  expect(after.slice(0, before.length)).toEqual(before);
  const file = Buffer.from(await new Response(await workspace.read('stdout')).arrayBuffer());
  expect(outputOf(after, 'stdout').equals(file)).toBe(true);
});
