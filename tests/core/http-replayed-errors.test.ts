import { describe, expect, it, vi } from 'vitest';
import { RuntimeError } from '../../src/core/container-runtime.ts';
import { type RunOptions, useApp } from '../support/app-fixture.ts';
import { allEvents } from '../support/event-stream.ts';

const KEYED = { 'Idempotency-Key': 'k' };
const STREAM = { Accept: 'text/event-stream' };

const app = useApp({ maxRunning: 1, maxQueued: 4, queueTimeoutMs: 50, resumeGraceMs: 60_000 });

type Told = Readonly<Record<string, unknown>>;

const sameFor = ({ requestId, ...error }: Told): Told => {
  expect(requestId).toEqual(expect.any(String));
  return error;
};

/** The error of an answer, or of the last event of a stream, but for the id of the request. */
async function errorOf(response: Response): Promise<Told> {
  const streams = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const body = streams ? (await allEvents(response)).at(-1)?.data : ((await response.json()) as Told);
  return sameFor(body?.error as Told);
}

const replay = async (id: unknown): Promise<Told> => errorOf(await app.request(`/jobs/${String(id)}/events`));

/** Does something while another job has the only turn. */
async function whileBusy<T>(work: () => Promise<T>): Promise<T> {
  const busy = app.run([{ hang: true }]);
  await vi.waitFor(() => expect(app.supervisor.list()[0]?.record.status).toBe('running'));
  const result = await work();
  for (const job of app.supervisor.list()) job.cancel();
  await busy;
  return result;
}

const ways: readonly (readonly [string, RunOptions])[] = [
  ['with a key', { headers: KEYED }],
  ['as a stream', { headers: STREAM }],
];

describe.each(ways)('an error %s is the same when the job is asked for again', (_, options) => {
  it('queue_timeout', async () => {
    const first = await whileBusy(async () => errorOf(await app.run([], options)));
    expect(first).toMatchObject({ code: 'queue_timeout', id: expect.any(String), sessionId: 's' });
    expect(await replay(first.id)).toEqual(first);
  });

  it('shutting_down', async () => {
    await app.open({ queueTimeoutMs: 60_000 });
    const busy = app.run([{ hang: true }]);
    await vi.waitFor(() => expect(app.supervisor.list()[0]?.record.status).toBe('running'));
    const waiting = app.run([], options).then(errorOf);
    await vi.waitFor(() => expect(app.supervisor.list()).toHaveLength(2));
    await app.restart();
    const first = await waiting;
    await busy;
    expect(first).toMatchObject({ code: 'shutting_down', id: expect.any(String), sessionId: 's' });
    expect(await replay(first.id)).toEqual(first);
  });

  it('infra_error', async () => {
    app.fake.failNext('start', new RuntimeError('unavailable', 'x'));
    const first = await errorOf(await app.run([], options));
    expect(first).toMatchObject({ code: 'infra_error', files: expect.any(Array), sessionId: 's' });
    expect(await replay(first.id)).toEqual(first);
    if (options.headers === KEYED) expect(await errorOf(await app.run([], options))).toEqual(first);
  });

  it('an engine’s', async () => {
    app.fake.failNext('create', new RuntimeError('unavailable', 'x'));
    const first = await errorOf(await app.run([], options));
    expect(first).toMatchObject({ code: 'engine_unavailable', id: expect.any(String) });
    expect(await replay(first.id)).toEqual(first);
  });
});

describe('an error of a job that nobody can ask for', () => {
  it('names none', async () => {
    const error = await whileBusy(async () => errorOf(await app.run([])));
    expect(error).toEqual({ code: 'queue_timeout', message: expect.any(String) });
  });

  it('keeps when to come again', async () => {
    const response = await whileBusy(async () => app.run([], { headers: KEYED }));
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
  });
});
