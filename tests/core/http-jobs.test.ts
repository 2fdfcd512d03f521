import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { RuntimeError } from '../../src/core/container-runtime.ts';
import { newJobId } from '../../src/core/ids.ts';
import { useApp } from '../support/app-fixture.ts';
import { allEvents } from '../support/event-stream.ts';

const ASYNC = { Prefer: 'respond-async' };
const KEYS = [
  { name: 'anna', key: 'anna-0123456789abcdef012345' },
  { name: 'bob', key: 'bob-00123456789abcdef012345' },
];
const as = (name: string): Record<string, string> => ({
  Authorization: `Bearer ${KEYS.find((key) => key.name === name)?.key}`,
});

interface Job {
  readonly id: string;
  readonly status: string;
  readonly [field: string]: unknown;
}

const app = useApp({ maxQueued: 8, queueTimeoutMs: 60_000 });

const getJob = async (id: string, headers: Record<string, string> = {}): Promise<Job> =>
  (await (await app.request(`/jobs/${id}`, { headers })).json()) as Job;

const start = async (...args: Parameters<typeof app.run>): Promise<Job> => {
  const [steps, options = {}] = args;
  const response = await app.run(steps, { ...options, headers: { ...ASYNC, ...options.headers } });
  expect(response.status).toBe(202);
  const job = (await response.json()) as Job;
  expect(response.headers.get('location')).toBe(`/jobs/${job.id}`);
  expect(response.headers.get('preference-applied')).toBe('respond-async');
  return job;
};

const status = (id: string, wanted: string): Promise<void> =>
  vi.waitFor(async () => expect((await getJob(id)).status).toBe(wanted), { timeout: 5000 });

describe('respond-async', () => {
  it('answers at once, and the job is asked for from its queueing to its end', async () => {
    await app.open({ maxRunning: 1 });
    const [first, second] = [await start([{ sleep: 150 }]), await start([{ stdout: 'out' }, { exit: 3 }])];
    expect(second).toMatchObject({ status: 'queued', sessionId: 's', tool: 'code_execution', files: [] });
    expect(second).not.toHaveProperty('outcome');
    await status(first.id, 'running');
    const running = await getJob(first.id);
    expect(running).toMatchObject({ status: 'running', startedAt: expect.any(String) });
    for (const field of ['outcome', 'exitCode', 'endedAt', 'timings'])
      expect(running).not.toHaveProperty(field);
    await status(second.id, 'stopped');
    expect(await getJob(second.id)).toMatchObject({
      outcome: 'exited',
      exitCode: 3,
      createdAt: second.createdAt,
      startedAt: expect.any(String),
      endedAt: expect.any(String),
      artifacts: { outputs: { stdout: expect.stringContaining(`/artifacts/s/${second.id}/stdout`) } },
    });
  });

  it('runs on when its client has gone', async () => {
    const client = new AbortController();
    const { id } = await start([{ sleep: 100 }, { stdout: 'done' }], { signal: client.signal });
    client.abort();
    await status(id, 'stopped');
    expect(await getJob(id)).toMatchObject({ outcome: 'exited', exitCode: 0 });
  });

  it('names the job below the path of PUBLIC_URL', async () => {
    await app.open({ guard: { publicUrl: 'https://tools.example.com/aa' } });
    const response = await app.run([], { headers: ASYNC });
    expect(response.headers.get('location')).toMatch(/^\/aa\/jobs\/[0-9a-z]{45}$/);
  });

  it('a job that no engine takes is told so to whoever asks, and its record lives through a restart', async () => {
    app.fake.failNext('create', new RuntimeError('unavailable', 'x'));
    const { id } = await start([]);
    await status(id, 'stopped');
    await app.restart();
    const job = await getJob(id);
    expect(job).toMatchObject({ status: 'stopped', error: { code: 'engine_unavailable' }, files: [] });
    expect(job).not.toHaveProperty('exitCode');
  });

  it('a job that waits too long is told so', async () => {
    await app.open({ maxRunning: 1, queueTimeoutMs: 50 });
    const first = await start([{ hang: true }]);
    const { id } = await start([]);
    await status(id, 'stopped');
    expect(await getJob(id)).toMatchObject({ error: { code: 'queue_timeout' } });
    await app.request(`/jobs/${first.id}`, { method: 'DELETE' });
  });

  it('jobs that wait when the service stops are told so after it has started again', async () => {
    await app.open({ maxRunning: 1 });
    const jobs = [await start([{ stdout: 'kept' }, { hang: true }]), await start([]), await start([])];
    await status(jobs[0]?.id ?? '', 'running');
    await new Promise((resolve) => setTimeout(resolve, 50));
    await app.restart();
    const [running, ...waiting] = await Promise.all(jobs.map(({ id }) => getJob(id)));
    expect(running).toMatchObject({ status: 'stopped', outcome: 'canceled' });
    for (const job of waiting)
      expect(job).toMatchObject({ status: 'stopped', error: { code: 'shutting_down' } });
  });
});

describe('DELETE /jobs/:id', () => {
  const cancel = (id: string, headers: Record<string, string> = {}): Promise<Response> =>
    app.request(`/jobs/${id}`, { method: 'DELETE', headers });

  it('ends a running job and answers with its final record; what it wrote stays', async () => {
    const { id } = await start([{ stdout: 'partial' }, { hang: true }]);
    await status(id, 'running');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const response = await cancel(id);
    expect(response.status).toBe(200);
    const job = (await response.json()) as Job;
    expect(job).toMatchObject({ id, status: 'stopped', outcome: 'canceled', exitCode: 143 });
    expect(await getJob(id)).toEqual(job);
    const { outputs } = job.artifacts as { outputs: Record<string, string> };
    expect(await (await app.request(new URL(outputs.stdout ?? '').pathname)).text()).toBe('partial');
    expect((await cancel(id)).status).toBe(409);
    expect(((await (await cancel(id)).json()) as { error: { code: string } }).error.code).toBe(
      'already_finished',
    );
  });

  it('ends a waiting job without letting it run, and gives its place free', async () => {
    await app.open({ maxRunning: 1, maxQueued: 1 });
    const first = await start([{ hang: true }]);
    const { id } = await start([{ stdout: 'never' }]);
    const response = await cancel(id);
    expect(await response.json()).toMatchObject({ status: 'stopped', outcome: 'canceled', durationMs: 0 });
    expect(app.fake.specs()).toHaveLength(1);
    const events = await allEvents(await app.request(`/jobs/${id}/events`));
    expect(events.map(({ event }) => event)).toEqual(['queued', 'artifact', 'artifact', 'result']);
    const next = await start([]);
    await cancel(first.id);
    await status(next.id, 'stopped');
  });

  it('its client, which waits for a plain answer, hears that it was cancelled', async () => {
    const answer = app.run([{ hang: true }]);
    await vi.waitFor(() => expect(app.supervisor.list()[0]?.record.status).toBe('running'));
    const id = app.supervisor.list()[0]?.ref.jobId ?? '';
    await cancel(id);
    expect(await (await answer).json()).toMatchObject({ id, outcome: 'canceled' });
  });

  it('at the moment at which the program ends: one end, 200 or 409', async () => {
    const seen = new Set<string>();
    // Longer when it came too early, shorter when it came too late: so it stays where the two meet, however fast the machine is.
    let delay = 10;
    await app.open({ maxRunning: 8, maxQueued: 64, maxInFlight: 32 });
    for (let n = 0; n < 500; n += 10) {
      await Promise.all(
        Array.from({ length: 10 }, async (_, k) => {
          const { id } = await start([{ sleep: (n + k) % 12 }, { stdout: 'x' }]);
          await new Promise((resolve) => setTimeout(resolve, delay));
          const response = await cancel(id);
          delay *= response.status === 200 ? 1.1 : 0.92;
          await status(id, 'stopped');
          const { outcome } = await getJob(id);
          expect([200, 409]).toContain(response.status);
          if (response.status === 200) expect(((await response.json()) as Job).outcome).toBe(outcome);
          else expect(outcome).toBe('exited');
          seen.add(`${response.status} ${String(outcome)}`);
        }),
      );
    }
    expect(seen).toContain('409 exited');
    expect(seen).toContain('200 canceled');
  });
});

describe('bodies that jobs hold', () => {
  const LARGEST = 32 * 1024 * 1024;

  it('are bounded in bytes until their jobs end; a small one is taken all the same', async () => {
    await app.open({ maxBodyBytes: LARGEST, maxQueued: 16 });
    const large = { 'Content-Length': String(LARGEST) };
    const jobs: Job[] = [];
    for (let n = 0; n < 8; n += 1) jobs.push(await start([{ hang: true }], { headers: large }));
    const declared = await app.run([], { headers: { ...ASYNC, 'Content-Length': String(65 * 1024) } });
    const undeclared = await app.run([], { headers: ASYNC, fields: { stdin: 'x'.repeat(65 * 1024) } });
    for (const response of [declared, undeclared]) {
      expect(response.status).toBe(503);
      expect(response.headers.get('connection')).toBe('close');
      expect(((await response.json()) as { error: object }).error).toMatchObject({ code: 'overloaded' });
    }
    const small = await start([], { headers: { 'Content-Length': '200' } });
    const [first] = jobs;
    await app.request(`/jobs/${first?.id}`, { method: 'DELETE' });
    jobs.push(await start([], { headers: large }), small);
    for (const { id } of jobs) await app.request(`/jobs/${id}`, { method: 'DELETE' });
  });
});

describe('GET /jobs', () => {
  const list = async (query: string, headers: Record<string, string> = {}) => {
    const response = await app.request(`/jobs?${query}`, { headers });
    expect(response.status).toBe(200);
    return (await response.json()) as { jobs: Job[]; nextCursor?: string };
  };

  it('lists the newest first, page by page, none twice and none left out', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 7; n += 1) {
      const { id } = (await (await app.run([], { fields: { sessionId: `s${n % 2}` } })).json()) as Job;
      ids.unshift(id);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await list(`limit=3${cursor === undefined ? '' : `&cursor=${cursor}`}`);
      expect(page.jobs.length).toBeLessThanOrEqual(3);
      seen.push(...page.jobs.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(ids);
    const one = await list('sessionId=s1');
    expect(one.jobs.map(({ id }) => id)).toEqual(ids.filter((_, index) => index % 2 === 1));
    expect(one).not.toHaveProperty('nextCursor');
    expect(await list('sessionId=nobody')).toEqual({ jobs: [] });
  });

  it('tells apart what runs, what waits and what is over', async () => {
    await app.open({ maxRunning: 1 });
    const done = (await (await app.run([])).json()) as Job;
    const running = await start([{ hang: true }]);
    const waiting = await start([]);
    await status(running.id, 'running');
    for (const [name, id] of [
      ['running', running.id],
      ['queued', waiting.id],
      ['stopped', done.id],
    ]) {
      expect((await list(`status=${name}`)).jobs.map((job) => job.id)).toEqual([id]);
    }
    expect((await list('')).jobs.map(({ status }) => status)).toEqual(['queued', 'running', 'stopped']);
    expect((await list('status=running&sessionId=other')).jobs).toEqual([]);
    for (const { id } of [waiting, running]) await app.request(`/jobs/${id}`, { method: 'DELETE' });
  });

  it.each(['status=done', 'limit=0', 'limit=201', 'limit=x', 'cursor=../x', 'sessionId=..', 'page=2'])(
    '?%s is refused with where and what',
    async (query) => {
      const response = await app.request(`/jobs?${query}`);
      expect(response.status).toBe(400);
      const { error } = (await response.json()) as { error: { issues: { path: string }[] } };
      expect(error.issues.map(({ path }) => path)).toEqual([query.split('=')[0]]);
    },
  );

  it.each([
    ['status=stopped&status=running', 'status', 'Stands more than once: send it once.'],
    ['limit=1&limit=1', 'limit', 'Stands more than once: send it once.'],
    ['cursor=&cursor=', 'cursor', 'Stands more than once: send it once.'],
    ['page=2', 'page', 'Is no parameter of this route: remove it.'],
    ['page=', 'page', 'Is no parameter of this route: remove it.'],
  ])('?%s is refused by its name', async (query, path, message) => {
    const response = await app.request(`/jobs?${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: 'invalid_request', message: `${path}: ${message}`, issues: [{ path, message }] },
    });
  });

  it('a parameter without a value is as absent as one that isn’t there', async () => {
    const { id } = (await (await app.run([])).json()) as Job;
    expect((await list('status=&cursor=&sessionId=&limit=')).jobs.map((job) => job.id)).toEqual([id]);
    expect((await list('status=&sessionId=nobody')).jobs).toEqual([]);
  });
});

describe('one key and another’s jobs', () => {
  it('cannot see, list, cancel, follow or guess them: the same answer as for an unknown id', async () => {
    await app.open({ keys: KEYS });
    const { id } = await start([{ hang: true }], { headers: as('anna') });
    const unknown = newJobId('s', undefined);
    const calls: readonly (readonly [string, string])[] = [
      ['GET', ''],
      ['HEAD', ''],
      ['DELETE', ''],
      ['GET', '/events'],
    ];
    for (const [method, path] of calls) {
      const [theirs, none] = await Promise.all(
        [id, unknown].map(async (job) => {
          const response = await app.request(`/jobs/${job}${path}`, { method, headers: as('bob') });
          const text = (await response.text()).replace(/"requestId":"[^"]+"/, '');
          const headers = Object.fromEntries(response.headers);
          return { status: response.status, text, headers: { ...headers, 'x-request-id': '' } };
        }),
      );
      expect(theirs).toEqual(none);
      expect(theirs?.status).toBe(404);
      expect((await app.request(`/jobs/${id}${path}`, { method })).status).toBe(401);
    }
    const listed = await app.request('/jobs', { headers: as('bob') });
    expect(await listed.json()).toEqual({ jobs: [] });
    expect(await getJob(id, as('anna'))).toMatchObject({ id });
    const response = await app.request(`/jobs/${id}`, { method: 'DELETE', headers: as('anna') });
    expect(response.status).toBe(200);
  });

  it('a page of a session that two share is full of one’s own', async () => {
    await app.open({ keys: KEYS });
    for (const name of ['anna', 'bob', 'bob', 'anna', 'bob']) await app.run([], { headers: as(name) });
    const response = await app.request('/jobs?sessionId=s&limit=2', { headers: as('anna') });
    const { jobs, nextCursor } = (await response.json()) as { jobs: Job[]; nextCursor?: string };
    expect(jobs).toHaveLength(2);
    expect(nextCursor).toBeUndefined();
  });
});

describe('a long list', () => {
  it('reads no manifest, and nothing of what another key’s jobs left', async () => {
    await app.open({ keys: KEYS });
    for (const name of ['anna', 'bob', 'bob', 'bob', 'anna']) await app.run([], { headers: as(name) });
    const read = vi.spyOn(app.deps.store, 'getObject');
    const opened = vi.spyOn(app.storage.workspaces, 'open');
    const { jobs } = (await (await app.request('/jobs', { headers: as('anna') })).json()) as { jobs: Job[] };
    expect(jobs).toHaveLength(2);
    expect(read).not.toHaveBeenCalled();
    expect(opened).toHaveBeenCalledTimes(2);
  });

  it('is looked for once for all who ask at the same time, and anew for who asks later', async () => {
    await app.run([]);
    const looks = vi.spyOn(app.storage.workspaces, 'sessions');
    const ask = async () => ((await (await app.request('/jobs')).json()) as { jobs: Job[] }).jobs.length;
    expect(await Promise.all(Array.from({ length: 20 }, ask))).toEqual(Array.from({ length: 20 }, () => 1));
    expect(looks.mock.calls.length).toBeLessThanOrEqual(3);
    await app.run([]);
    expect(await ask()).toBe(2);
  });

  it('ends with the client that asked for it', async () => {
    for (let count = 0; count < 3; count += 1) await app.run([]);
    const client = new AbortController();
    const opened = vi.spyOn(app.storage.workspaces, 'open').mockImplementation(async () => {
      client.abort();
      return undefined;
    });
    await app.request('/jobs', { signal: client.signal });
    // Once for its record and once for whether it was interrupted.
    expect(opened.mock.calls.length).toBeLessThanOrEqual(2);
  });
});

describe('an id that no job has', () => {
  it.each(['x', newJobId('s', undefined), '..%2f..', 'a'.repeat(200), '%00', '%zz'])(
    '%s: 404',
    async (id) => {
      for (const method of ['GET', 'DELETE']) {
        const response = await app.request(`/jobs/${id}`, { method });
        expect(response.status).toBe(404);
      }
    },
  );

  it('leaves no trace', async () => {
    await app.request(`/jobs/${newJobId('s', undefined)}`);
    expect(existsSync(join(app.storageRoot, 's'))).toBe(false);
    expect(readdirSync(app.storageRoot).filter((name) => !name.startsWith('.'))).toEqual([]);
  });
});
