import { homedir } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';
import type { ContainerResources, ContainerRuntime } from '../../src/core/container-runtime.ts';
import type { EnforcedLimits } from '../../src/core/engine-gate.ts';
import { newId } from '../../src/core/ids.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { createSandboxes } from '../../src/core/sandboxes.ts';
import { probeLimits } from '../../src/doctor/probe-limits.ts';
import { createRuntime } from '../../src/runtimes/index.ts';
import { containersOf, DOCKER, PODMAN, rememberEngine, titleFor } from '../support/engine.ts';

const ALL: EnforcedLimits = { network: true, cpu: true, pids: true, memory: true };
const ROOMY = { memoryBytes: 1024 ** 3, cpus: 1, pids: 1000 };

/** An engine that takes a limit and sets another one instead, as a host does whose kernel ignores it. */
function ignoring(runtime: ContainerRuntime, resources: Partial<ContainerResources>): ContainerRuntime {
  return {
    ...runtime,
    create: (spec) => runtime.create({ ...spec, resources: { ...spec.resources, ...resources } }),
  };
}

function probe(runtime: ContainerRuntime, instanceId: string): Promise<EnforcedLimits> {
  const sandboxes = createSandboxes({ runtime, instanceId, logger: silentLogger });
  const image = process.env.AA_WORKER_IMAGE ?? 'aa-worker:latest';
  const user = { uid: 10_001, gid: 10_001 };
  return probeLimits({ runtime, sandboxes, image, ociRuntime: undefined, user, logger: silentLogger });
}

describe.each([DOCKER, PODMAN])('the probe of limits', (engine) => {
  describe.skipIf(engine.obstacle !== undefined)(titleFor(engine.name, engine), () => {
    const instanceId = newId();
    rememberEngine(instanceId, engine);
    const runtime = createRuntime({
      kind: engine.name,
      socketPath: engine.socketPath,
      env: {},
      platform: process.platform,
      home: homedir(),
      logger: silentLogger,
    });

    afterAll(async () => {
      expect(await containersOf(instanceId)).toEqual([]);
      await runtime.close();
    });

    it('sees each of them bite on this host', async () => {
      expect(await probe(runtime, instanceId)).toEqual(ALL);
    });

    it.each([
      ['memory', { memoryBytes: ROOMY.memoryBytes }],
      ['cpu', { cpus: ROOMY.cpus }],
      ['pids', { pids: ROOMY.pids }],
    ] as const)('sees that %s does not, and that the others do', async (name, resources) => {
      expect(await probe(ignoring(runtime, resources), instanceId)).toEqual({ ...ALL, [name]: false });
    });
  });
});
