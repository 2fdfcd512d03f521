import { copyFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createJobCloser } from '../../src/core/jobs/job-closer.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { createSandboxes } from '../../src/core/sandboxes.ts';
import { WorkspaceError } from '../../src/core/workspace.ts';
import { createStorageProbe, probeStorage } from '../../src/doctor/probe-storage.ts';
import { createFakeRuntime, type FakeProgram } from '../../src/runtimes/fake/index.ts';
import { createDiskStore } from '../../src/storage/disk/index.ts';
import { createWorkspaces } from '../../src/storage/workspace/index.ts';
import { makeTempFolder } from '../support/temporary-folder.ts';

const IMAGE = { id: 'sha256:1' };

let folder: Awaited<ReturnType<typeof makeTempFolder>>;

beforeEach(async () => {
  folder = await makeTempFolder();
});
afterEach(async () => {
  expect(await readdir(folder.path), 'the canary’s folder').toEqual([]);
  await folder.remove();
});

/** `act` is the canary's program, given the folder that it finds mounted. */
function setUp(act: (mounted: string) => Promise<number>) {
  let runs = 0;
  const program: FakeProgram = async ({ spec, write }) => {
    runs += 1;
    await write('stderr', 'what it says');
    return act(spec.mounts[0]?.source ?? '');
  };
  const runtime = createFakeRuntime({ program });
  const sandboxes = createSandboxes({ runtime, instanceId: 'i', logger: silentLogger });
  const workspaces = createWorkspaces({ root: folder.path, runner: { uid: 10_001, gid: 10_001 } });
  const shared = { runtime, sandboxes, workspaces, image: 'aa-worker:latest', ociRuntime: undefined };
  const options = { ...shared, logger: silentLogger };
  return { options, runtime, runs: () => runs };
}

const copy = async (mounted: string): Promise<number> => {
  await copyFile(join(mounted, 'ours'), join(mounted, 'theirs'));
  return 0;
};

describe('the canary', () => {
  it('proves a folder in which it finds our file and we find its one, once for each engine and image', async () => {
    const { options, runtime, runs } = setUp(copy);
    const probe = createStorageProbe(options);
    const info = await runtime.info();
    await probe(info, IMAGE);
    await probe(info, IMAGE);
    expect(runs()).toBe(1);
    await probe({ ...info, version: '9' }, IMAGE);
    await probe(info, { id: 'sha256:2' });
    expect(runs()).toBe(3);
    expect(runtime.specs()).toEqual([]);
  });

  it.each([
    ['finds none of ours', async () => 3, /another folder .* by the same path/],
    ['says that it wrote one which we don’t see', async () => 0, /another folder/],
    [
      'writes something else',
      async (mounted: string) => {
        await writeFile(join(mounted, 'theirs'), 'else');
        return 0;
      },
      /another folder/,
    ],
    ['may not use the folder', async () => 4, /container_file_t.* macOS/],
    ['has no shell', async () => 127, /image made from aa-worker:latest/],
  ])('that %s is told with its cure, and tried again', async (_, act, sentence) => {
    const { options, runtime, runs } = setUp(act);
    const probe = createStorageProbe(options);
    const info = await runtime.info();
    for (const attempt of [1, 2]) {
      const error = await probe(info, IMAGE).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'misconfigured', message: expect.stringMatching(sentence) });
      expect(String((error as Error).cause)).toContain('what it says');
      expect(runs()).toBe(attempt);
    }
    expect(runtime.specs()).toEqual([]);
  });

  it('that a killed process left is no obstacle', async () => {
    const { options } = setUp(copy);
    await options.workspaces.create({ sessionId: 'aa-canary', jobId: 'canary' });
    await probeStorage(options);
  });

  it('is not taken for an interrupted job while it runs', async () => {
    const { options } = setUp(async (mounted) => {
      const store = createDiskStore({ root: folder.path });
      const { signal } = new AbortController();
      await createJobCloser({ ...options, store, isHeld: () => false }).close(signal);
      return copy(mounted);
    });
    await probeStorage(options);
  });

  it.each([
    ['no_space', 'storage_full'],
    ['unavailable', 'misconfigured'],
  ] as const)('that can’t be written (%s) is %s', async (code, told) => {
    const { options } = setUp(copy);
    const workspaces = {
      ...options.workspaces,
      create: () => Promise.reject(new WorkspaceError(code, '/secret/path')),
    };
    const error = await probeStorage({ ...options, workspaces }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: told, message: expect.not.stringContaining('/secret') });
  });
});
