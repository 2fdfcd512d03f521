import { symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run, send, textOf } from '../support/client.ts';
import { containersOf, DOCKER, PODMAN, titleFor, waitForContainers } from '../support/engine.ts';
import { allEvents, bytesOf } from '../support/event-stream.ts';
import {
  launchService,
  type RunningService,
  type ServiceOptions,
  startServiceProcess,
} from '../support/start-service.ts';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.ts';
import { waitFor } from '../support/wait-for.ts';

let root: string;
let services: RunningService[];

beforeEach(() => {
  root = makeTemporaryFolder('crash');
  services = [];
});
afterEach(async () => {
  for (const service of services) {
    if (service.child.exitCode === null && service.child.signalCode === null) await service.stop();
    expect(await containersOf(service.instanceId)).toEqual([]);
  }
  removeFolder(root);
});

async function start(folder: string, options: ServiceOptions = {}): Promise<RunningService> {
  const env = { AA_MAX_RUNNING: '10', ...options.env };
  const service = await startServiceProcess({ ...options, env, storageRoot: join(root, folder) });
  services.push(service);
  return service;
}

const LONG = { language: 'bash', code: 'echo begun; sleep 100', timeoutMs: 120_000 };

interface StoppedJob {
  readonly id: string;
  readonly status: string;
  readonly endedAt?: string;
  readonly error?: { readonly code: string };
  readonly artifacts: { readonly outputs: Readonly<Record<string, string>> };
}

/** Ten runs whose client doesn't mind what becomes of them. */
function startTen(service: RunningService): void {
  for (let n = 0; n < 10; n += 1) send(service, LONG).catch(() => {});
}

describe.each([DOCKER, PODMAN])('kill -9 on $name', (engine) => {
  const title =
    'with ten runs in flight: after the restart no container of them is left, and the next job runs';
  it.skipIf(engine.obstacle !== undefined)(titleFor(title, engine), async () => {
    const first = await start('one', { engine });
    startTen(first);
    await waitForContainers(first.instanceId, 10, 20_000);
    await first.kill();
    expect(await containersOf(first.instanceId)).toHaveLength(10);
    const second = await start('one', { engine });
    expect(second.instanceId).toBe(first.instanceId);
    await waitForContainers(second.instanceId, 0, 30_000);
    const answer = await run(second, { language: 'bash', code: 'echo alive' });
    expect(await textOf(answer, 'stdout')).toBe('alive\n');
  });
});

describe('kill -9', () => {
  it('with ten running, twenty waiting and three finished: each job has one truthful end, and nothing is lost', async () => {
    const first = await start('many', { env: { AA_MAX_QUEUED: '32' } });
    const finished = await Promise.all(
      [1, 2, 3].map((n) => run(first, { language: 'bash', code: `echo ${n}` })),
    );
    const accepted: string[] = [];
    for (let n = 0; n < 30; n += 1) {
      const response = await send(first, LONG, { headers: { Prefer: 'respond-async' } });
      expect(response.status).toBe(202);
      accepted.push(((await response.json()) as { id: string }).id);
    }
    await waitForContainers(first.instanceId, 10, 30_000);
    await sleep(300);
    await first.kill();
    const second = await start('many', { env: { AA_MAX_QUEUED: '32' } });
    await waitForContainers(second.instanceId, 0, 30_000);
    const get = async (id: string) => (await (await fetch(`${second.url}/jobs/${id}`)).json()) as StoppedJob;
    for (const [index, answer] of finished.entries()) {
      expect(await get(answer.id)).toMatchObject({ status: 'stopped', outcome: 'exited', exitCode: 0 });
      const url = new URL(answer.artifacts.outputs.stdout ?? '');
      expect(await (await fetch(`${second.url}${url.pathname}`)).text()).toBe(`${index + 1}\n`);
    }
    await waitFor(async () => {
      const jobs = await Promise.all(accepted.map(get));
      return jobs.every(({ endedAt }) => endedAt !== undefined);
    }, 30_000);
    const jobs = await Promise.all(accepted.map(get));
    const codes = jobs.map(({ status, error }) => `${status} ${error?.code}`);
    expect(codes.filter((code) => code === 'stopped infra_error')).toHaveLength(10);
    expect(codes.filter((code) => code === 'stopped shutting_down')).toHaveLength(20);
    for (const job of jobs) {
      expect(job).not.toHaveProperty('exitCode');
      expect(job).not.toHaveProperty('outcome');
      if (job.error?.code !== 'infra_error') continue;
      expect(await (await fetch(job.artifacts.outputs.stdout ?? '')).text()).toBe('begun\n');
      const events = await allEvents(await fetch(`${second.url}/jobs/${job.id}/events`));
      expect(bytesOf(events, 'stdout').toString()).toBe('begun\n');
      expect(events.at(-1)).toMatchObject({ event: 'error', data: { error: { code: 'infra_error' } } });
    }
  });

  it('and no engine at the next start: the job is told as it was last kept, is followed until the engine is back, and then has one end', async () => {
    const socket = join(root, 'engine.sock');
    const options = { env: { DOCKER_SOCKET_PATH: socket } };
    await symlink(DOCKER.socketPath, socket);
    const first = await start('away', options);
    const response = await send(first, LONG, {
      headers: { Prefer: 'respond-async', 'Idempotency-Key': 'k' },
    });
    const { id } = (await response.json()) as { id: string };
    const job = async (service: RunningService) =>
      (await (await fetch(`${service.url}/jobs/${id}`)).json()) as StoppedJob;
    await waitFor(async () => (await job(first)).status === 'running', 15_000);
    await sleep(300);
    await first.kill();
    await unlink(socket);
    const second = await start('away', { ...options, awaitsReady: false });
    expect(await job(second)).toMatchObject({ status: 'created', id });
    expect((await fetch(`${second.url}/jobs/${id}`, { method: 'DELETE' })).status).toBe(503);
    const again = await send(second, LONG, { headers: { 'Idempotency-Key': 'k' } });
    expect(again.status).toBe(409);
    expect(again.headers.get('location')).toBe(`/jobs/${id}`);
    const reading = fetch(`${second.url}/jobs/${id}/events`).then(allEvents);
    await symlink(DOCKER.socketPath, socket);
    const events = await reading;
    expect(bytesOf(events, 'stdout').toString()).toBe('begun\n');
    expect(events.filter(({ event }) => event === 'error' || event === 'result')).toEqual([events.at(-1)]);
    expect(await job(second)).toMatchObject({ status: 'stopped', error: { code: 'infra_error' } });
    expect(await containersOf(second.instanceId)).toEqual([]);
  });

  it('of one of two services on one engine leaves the other’s containers alone', async () => {
    const [doomed, other] = await Promise.all([start('doomed'), start('other')]);
    expect(doomed.instanceId).not.toBe(other.instanceId);
    const runs = [1, 2].map(() => run(other, { language: 'bash', code: 'sleep 12; echo survived' }));
    send(doomed, LONG).catch(() => {});
    await Promise.all([
      waitForContainers(doomed.instanceId, 1, 15_000),
      waitForContainers(other.instanceId, 2, 15_000),
    ]);
    const before = (await containersOf(other.instanceId)).map(({ Id }) => Id).sort();
    await doomed.kill();
    await start('doomed');
    await waitForContainers(doomed.instanceId, 0, 30_000);
    expect((await containersOf(other.instanceId)).map(({ Id }) => Id).sort()).toEqual(before);
    for (const answer of await Promise.all(runs)) expect(await textOf(answer, 'stdout')).toBe('survived\n');
  });
});

describe('a second process on the same storage folder', () => {
  it('refuses to start and names the first, which goes on', async () => {
    const first = await start('shared');
    const second = launchService({ storageRoot: first.storageRoot });
    expect(await second.ended).toBe(1);
    expect(second.log()).toContain(`process ${first.child.pid}`);
    expect(second.log()).toMatch(/AA_STORAGE_PATH/);
    expect(await run(first, { language: 'bash', code: 'true' })).toMatchObject({ exitCode: 0 });
  });
});

describe.each(['node', 'bun'] as const)('SIGTERM on %s', (on) => {
  it('drains: new jobs are refused, a running one ends and its client hears of it, exit 0', async () => {
    const service = await start(`drain-${on}`, { on });
    const running = run(service, { language: 'bash', code: 'sleep 2; echo finished' });
    await waitForContainers(service.instanceId, 1, 10_000);
    service.child.kill('SIGTERM');
    await sleep(300);
    const refused = await send(service, { language: 'bash', code: 'true' });
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await refused.json()).toMatchObject({ error: { code: 'shutting_down' } });
    expect(await running).toMatchObject({ outcome: 'exited', exitCode: 0 });
    expect(await service.ended).toBe(0);
    expect(await containersOf(service.instanceId)).toEqual([]);
  });

  it('ends what runs longer than the drain and still leaves within ten seconds, exit 0', async () => {
    const service = await start(`long-${on}`, { on });
    const running = run(service, LONG);
    await waitForContainers(service.instanceId, 1, 10_000);
    const begun = performance.now();
    service.child.kill('SIGTERM');
    expect(await running).toMatchObject({ outcome: 'canceled' });
    expect(await service.ended).toBe(0);
    expect(performance.now() - begun).toBeLessThan(9500);
    expect(await containersOf(service.instanceId)).toEqual([]);
  });
});

describe('a second SIGTERM', () => {
  it('ends at once and removes the containers all the same', async () => {
    const service = await start('twice');
    send(service, LONG).catch(() => {});
    await waitForContainers(service.instanceId, 1, 10_000);
    service.child.kill('SIGTERM');
    await sleep(200);
    const begun = performance.now();
    service.child.kill('SIGTERM');
    expect(await service.ended).toBe(0);
    expect(performance.now() - begun).toBeLessThan(4000);
    expect(await containersOf(service.instanceId)).toEqual([]);
  });
});
