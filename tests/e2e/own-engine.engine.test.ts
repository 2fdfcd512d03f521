import { release } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/core/finding.ts';
import { run, send, textOf } from '../support/client.ts';
import { callEngine, containersOf, PODMAN, waitForContainers } from '../support/engine.ts';
import type { OwnEngine } from '../support/own-daemon.ts';
import { findProgram, ownDockerdObstacle, startOwnDockerd } from '../support/own-dockerd.ts';
import { startOwnPodman } from '../support/own-podman.ts';
import { titleOf } from '../support/skips.ts';
import { launchService, type RunningService, startServiceProcess } from '../support/start-service.ts';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.ts';
import { waitFor } from '../support/wait-for.ts';

const obstacle = ownDockerdObstacle();
const runsc = findProgram('runsc');

let dockerd: OwnEngine;

beforeAll(async () => {
  if (obstacle !== undefined) return;
  // The platform that works everywhere; the others want a kernel or a processor for it. No network, because runs have none, and
  // because an older gVisor takes every namespace of a newer kernel for the host's.
  const runtimes =
    runsc === undefined
      ? {}
      : { runsc: { path: runsc, runtimeArgs: ['--platform=ptrace', '--network=none'] } };
  dockerd = await startOwnDockerd({ runtimes });
});
afterAll(async () => {
  await dockerd?.close();
});

const noRunsc = 'there is no runsc in PATH; `npm test` installs it on Debian';

describe.skipIf(obstacle !== undefined || runsc === undefined)(
  titleOf('AA_OCI_RUNTIME=runsc', obstacle ?? (runsc === undefined ? noRunsc : undefined)),
  () => {
    let service: RunningService;

    beforeAll(async () => {
      service = await startServiceProcess({ engine: dockerd.engine, env: { AA_OCI_RUNTIME: 'runsc' } });
    });
    afterAll(async () => {
      await service?.stop();
    });

    it.each([
      ['python', 'import os; print(os.uname().release)'],
      ['node', 'console.log(require("os").release())'],
      ['bun', 'console.log(require("os").release())'],
      ['bash', 'uname -r'],
    ])('runs %s on a kernel that is not the host’s', async (language, code) => {
      const answer = await run(service, { language, code });
      const kernel = await textOf(answer, 'stdout');
      expect(kernel).toMatch(/^\d+\.\d+/);
      expect(kernel.trim()).not.toBe(release());
    });

    it('ends a run that takes more memory than it has (D01)', async () => {
      const code = 'hoard = bytearray(1 << 30)\nfor page in range(0, len(hoard), 4096): hoard[page] = 1';
      const answer = await run(service, { language: 'python', code });
      expect(answer).toMatchObject({ outcome: 'oom_killed', exitCode: 137 });
    });

    it('holds a fork bomb to 128 tasks of the host, and goes on (D05)', async () => {
      const bomb = run(service, {
        language: 'bash',
        code: 'echo begun; f() { f | f & }; f; sleep 20',
        timeoutMs: 5000,
      });
      const tasks: number[] = [];
      let over = false;
      bomb.finally(() => {
        over = true;
      });
      while (!over) tasks.push(...(await tasksOf(service.instanceId)));
      const answer = await bomb;
      // Its sandbox needs tasks itself, and ends when it gets no more.
      expect(['timed_out', 'exited', 'signaled']).toContain(answer.outcome);
      expect(await textOf(answer, 'stdout')).toBe('begun\n');
      expect(Math.max(...tasks)).toBeGreaterThan(10);
      expect(Math.max(...tasks)).toBeLessThanOrEqual(128);
      expect(await run(service, { language: 'bash', code: 'true' })).toMatchObject({ exitCode: 0 });
    });

    it('is told by the rows: whose kernel it is, which limits bite, and what that kernel does not tell', async () => {
      const response = await fetch(`${service.url}/readyz?verbose`);
      const { findings } = (await response.json()) as { findings: Finding[] };
      const status = Object.fromEntries(findings.map((row) => [row.name, row.status]));
      const ok = [
        'oci_runtime',
        'own_kernel',
        'memory',
        'cpu',
        'pids',
        'network',
        'tmp',
        'disk',
        'output',
        'capabilities',
      ];
      for (const name of ok) expect(status, name).toMatchObject({ [name]: 'ok' });
      expect(status).toMatchObject({ seccomp: 'warn', new_privileges: 'warn', seccomp_leaves_open: 'ok' });
      expect(findings.find(({ name }) => name === 'pids')?.seen).toMatch(/^the sandbox ended after \d+$/);
    });
  },
);

/** Tasks of the host in each running container of a supervisor, by the engine's own count. */
async function tasksOf(instanceId: string): Promise<readonly number[]> {
  const running = (await containersOf(instanceId)).filter(({ State }) => State === 'running');
  const counts = await Promise.all(
    running.map(async ({ Id }) => {
      const path = `/containers/${Id}/stats?stream=false&one-shot=true`;
      const stats = await callEngine(dockerd.engine, 'GET', path).catch(() => undefined);
      return (stats as { pids_stats?: { current?: number } } | undefined)?.pids_stats?.current ?? 0;
    }),
  );
  return counts;
}

describe.skipIf(obstacle !== undefined)(titleOf('an OCI runtime that the engine lacks', obstacle), () => {
  it('is refused with its cure, and no job runs under another one', async () => {
    const folder = makeTemporaryFolder('lacking');
    const storageRoot = join(folder, 'storage');
    const env = { AA_OCI_RUNTIME: 'kata' };
    const service = launchService({ engine: dockerd.engine, storageRoot, env });
    try {
      const url = await service.listening;
      const message = expect.stringMatching(/AA_OCI_RUNTIME=kata .*register it/);
      const refused = await send({ url }, { language: 'bash', code: 'true' });
      expect([refused.status, await refused.json()]).toEqual([
        500,
        { error: expect.objectContaining({ code: 'misconfigured', message }) },
      ]);
      const ready = await fetch(`${url}/readyz?verbose`);
      const { findings } = (await ready.json()) as { findings: Finding[] };
      expect(ready.status).toBe(503);
      expect(findings.filter(({ status }) => status === 'fail')).toMatchObject([
        { name: 'oci_runtime', asked: 'AA_OCI_RUNTIME=kata', cure: expect.stringContaining('daemon.json') },
      ]);
    } finally {
      service.child.kill('SIGTERM');
      expect(await service.ended).toBe(0);
      removeFolder(folder);
    }
    expect(await callEngine(dockerd.engine, 'GET', '/containers/json?all=true')).toEqual([]);
  });
});

interface Interrupted {
  readonly error: {
    readonly code: string;
    readonly id: string;
    readonly artifacts: { readonly outputs: Readonly<Record<string, string>> };
  };
}

describe.skipIf(obstacle !== undefined)(titleOf('Docker goes and comes back', obstacle), () => {
  describeReturn(() => dockerd);
});

describe.skipIf(PODMAN.obstacle !== undefined)(titleOf('Podman goes and comes back', PODMAN.obstacle), () => {
  let podman: OwnEngine;

  beforeAll(async () => {
    podman = await startOwnPodman();
  });
  afterAll(async () => {
    await podman?.close();
  });

  describeReturn(() => podman);
});

/** What is true of every engine that goes away under load and comes back. */
function describeReturn(own: () => OwnEngine): void {
  let service: RunningService;

  beforeEach(async () => {
    service = await startServiceProcess({ engine: own().engine, env: { AA_MAX_RUNNING: '6' } });
  });
  afterEach(async () => {
    await service?.stop();
  });

  it.each(['stop', 'kill'] as const)(
    '%s: runs in flight are infra_error with their output, the next job runs within 30 s, nothing is left',
    async (how) => {
      const code = 'echo begun; echo ill >&2; sleep 100';
      const inFlight = Array.from({ length: 6 }, () =>
        send(service, { language: 'bash', code, timeoutMs: 120_000 }),
      );
      await waitForContainers(service.instanceId, 6, 30_000);
      await sleep(1000);
      await own()[how]();
      const during = await send(service, { language: 'bash', code: 'true' });
      expect([during.status, during.headers.get('retry-after')]).toEqual([
        503,
        expect.stringMatching(/^\d+$/),
      ]);
      // Podman's containers run on without it, so a quick return would find them as they were.
      const ended = Promise.all(inFlight);
      if (own().engine.name === 'podman') await ended;
      await own().start();
      const back = performance.now();

      for (const response of await ended) {
        const { error } = (await response.json()) as Interrupted;
        expect([response.status, error?.code]).toEqual([503, 'infra_error']);
        expect(await (await fetch(error.artifacts.outputs.stdout ?? '')).text()).toBe('begun\n');
        expect(await (await fetch(error.artifacts.outputs.stderr ?? '')).text()).toBe('ill\n');
        const record = await (await fetch(`${service.url}/jobs/${error.id}`)).json();
        expect(record).toMatchObject({ status: 'stopped', error: { code: 'infra_error' } });
        expect(record).not.toHaveProperty('exitCode');
      }
      await waitFor(async () => (await fetch(`${service.url}/readyz`)).ok, 30_000);
      const answer = await run(service, { language: 'python', code: 'print("alive")' });
      expect(await textOf(answer, 'stdout')).toBe('alive\n');
      expect(performance.now() - back).toBeLessThan(30_000);
      await waitForContainers(service.instanceId, 0, 15_000);
      expect(await containersOf(service.instanceId)).toEqual([]);
    },
  );
}
