import { afterEach, describe, expect, it } from 'vitest';
import { newId } from '../../src/core/ids.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { createSandboxes } from '../../src/core/sandboxes.ts';
import { probeLimits } from '../../src/doctor/probe-limits.ts';
import { createRuntime } from '../../src/runtimes/index.ts';
import { containersOf, DOCKER } from '../support/engine.ts';
import { type CreateBody, changing, type EngineProxy, startEngineProxy } from '../support/engine-proxy.ts';

const instanceId = newId();
let proxy: EngineProxy | undefined;

afterEach(async () => {
  await proxy?.close();
  expect(await containersOf(instanceId)).toEqual([]);
});

/** Names of the rows that fail when what stands in front of the engine changes each create. */
async function failing(rewrite: (body: CreateBody) => CreateBody): Promise<readonly string[]> {
  proxy = await startEngineProxy(DOCKER.socketPath, rewrite);
  const { socketPath } = proxy;
  const { platform } = process;
  const runtime = createRuntime({
    kind: 'docker',
    socketPath,
    env: {},
    platform,
    home: '/',
    logger: silentLogger,
  });
  const options = {
    runtime,
    sandboxes: createSandboxes({ runtime, instanceId, logger: silentLogger }),
    image: process.env.AA_WORKER_IMAGE ?? 'aa-worker:latest',
    ociRuntime: undefined,
    user: { uid: 10_001, gid: 10_001 },
    logger: silentLogger,
  };
  try {
    const limits = await probeLimits(options, await runtime.info());
    for (const { asked, seen, how } of limits) expect([asked, seen, how]).not.toContain('');
    return limits.flatMap(({ name, bites }) => (bites === true ? [] : [name]));
  } finally {
    await runtime.close();
  }
}

interface Ulimit {
  readonly Name: string;
}

const without = (name: string) =>
  changing(({ Ulimits }) => ({ Ulimits: (Ulimits as Ulimit[]).filter(({ Name }) => Name !== name) }));

describe('each limit is measured: when an engine is never told of one, exactly its row fails', () => {
  it.each<[string, (body: CreateBody) => CreateBody]>([
    ['memory', changing(() => ({ Memory: 0, MemorySwap: 0 }))],
    ['cpu', changing(() => ({ NanoCpus: 0 }))],
    ['pids', changing(() => ({ PidsLimit: 0 }))],
    ['network', changing(() => ({ NetworkMode: 'default' }))],
    ['tmp', changing(() => ({ Tmpfs: { '/tmp': 'rw,exec,mode=1777' } }))],
    ['open_files', without('nofile')],
    ['file_size', without('fsize')],
    ['user', (body) => ({ ...body, User: '0:0' })],
    ['capabilities', changing(() => ({ CapDrop: [] }))],
    ['new_privileges', changing(() => ({ SecurityOpt: [] }))],
    ['seccomp', changing(() => ({ SecurityOpt: ['no-new-privileges', 'seccomp=unconfined'] }))],
    ['root_file_system', changing(() => ({ ReadonlyRootfs: false }))],
  ])('%s', async (name, rewrite) => {
    expect(await failing(rewrite)).toEqual([name]);
  });
});
