import { mkdirSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContainerRuntime } from '../../src/core/container-runtime.ts';
import { newId } from '../../src/core/ids.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { createSandboxes } from '../../src/core/sandboxes.ts';
import { probeStorage } from '../../src/doctor/probe-storage.ts';
import { createRuntime } from '../../src/runtimes/index.ts';
import { createWorkspaces } from '../../src/storage/workspace/index.ts';
import { containersOf } from '../support/engine.ts';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.ts';

const instanceId = newId();
const docker = createRuntime({
  kind: 'docker',
  env: process.env,
  platform: process.platform,
  home: homedir(),
  logger: silentLogger,
});
let folder: string;

beforeAll(() => {
  folder = makeTemporaryFolder('canary');
});
afterAll(async () => {
  expect(await containersOf(instanceId)).toEqual([]);
  expect(readdirSync(join(folder, 'storage'))).toEqual([]);
  await docker.close();
  removeFolder(folder);
});

/** An engine to which every path names something else, as one on another machine does. */
function mounting(source: string): ContainerRuntime {
  const create: ContainerRuntime['create'] = (spec) =>
    docker.create({ ...spec, mounts: spec.mounts.map((mount) => ({ ...mount, source })) });
  return { ...docker, create };
}

function probe(runtime: ContainerRuntime): Promise<void> {
  const sandboxes = createSandboxes({ runtime, instanceId, logger: silentLogger });
  const image = process.env.AA_WORKER_IMAGE ?? 'aa-worker:latest';
  const workspaces = createWorkspaces({
    root: join(folder, 'storage'),
    runner: { uid: 10_001, gid: 10_001 },
  });
  return probeStorage({ runtime, sandboxes, workspaces, image, ociRuntime: undefined, logger: silentLogger });
}

describe('the canary', () => {
  it('comes back from a folder that the engine sees by the same path', async () => {
    await probe(docker);
  });

  it('finds another folder of that name, and says so', async () => {
    const other = join(folder, 'other');
    mkdirSync(other, { mode: 0o755 });
    const cure = expect.stringMatching(/another folder .*AA_STORAGE_PATH/);
    await expect(probe(mounting(other))).rejects.toMatchObject({ code: 'misconfigured', message: cure });
  });

  it('may not use the folder, and says so', async () => {
    const closed = join(folder, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    const cure = expect.stringMatching(/may not use the storage folder/);
    await expect(probe(mounting(closed))).rejects.toMatchObject({ code: 'misconfigured', message: cure });
  });

  it('is refused where the engine has no such path', async () => {
    await expect(probe(mounting(join(folder, 'missing')))).rejects.toMatchObject({ code: 'mount_missing' });
  });
});
