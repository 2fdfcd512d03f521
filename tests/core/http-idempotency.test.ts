import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { RuntimeError } from '../../src/core/container-runtime.ts';
import { type RunOptions, useApp } from '../support/app-fixture.ts';
import { allEvents } from '../support/event-stream.ts';

const KEYS = [
  { name: 'anna', key: 'anna-0123456789abcdef012345' },
  { name: 'bob', key: 'bob-00123456789abcdef012345' },
];

const app = useApp({ maxQueued: 4 });

const keyed = (key: string, steps: Parameters<typeof app.run>[0], { headers, fields }: RunOptions = {}) =>
  app.run(steps, {
    headers: { 'Idempotency-Key': key, ...headers },
    ...(fields === undefined ? {} : { fields }),
  });
const codeOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { error: { code: string } }).error.code;
const runs = (): number => {
  try {
    return readdirSync(join(app.storageRoot, 's')).length;
  } catch {
    return 0;
  }
};

describe('Idempotency-Key', () => {
  it('the same request runs once and has the same answer, also after a restart', async () => {
    const steps = [{ stdout: 'once' }, { exit: 5 }];
    const first = await (await keyed('k1', steps)).json();
    expect(first).toMatchObject({ exitCode: 5 });
    expect(await (await keyed('k1', steps)).json()).toEqual(first);
    await app.restart();
    expect(await (await keyed('k1', steps)).json()).toEqual(first);
    expect(runs()).toBe(1);
  });

  it('the order of the fields doesn’t make another request, the other door neither', async () => {
    const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': 'k' };
    const bodies = [
      ['/run', '{"sessionId":"s","language":"bash","code":"x","env":{"A":"1","B":"2"}}'],
      ['/run', '{"code":"x","env":{"B":"2","A":"1"},"language":"bash","sessionId":"s"}'],
      [
        '/tools/execute',
        '{"env":{"B":"2","A":"1"},"tool":"code_execution","code":"x","language":"bash","sessionId":"s"}',
      ],
    ] as const;
    const answers = [];
    for (const [path, body] of bodies) {
      answers.push(await (await app.request(path, { method: 'POST', headers, body })).json());
    }
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  it.each([
    ['another program', { fields: { code: 'other' } }],
    ['another session', { fields: { sessionId: 'other' } }],
    ['another variable', { fields: { env: { A: '1' } } }],
  ])('with %s it is refused', async (_, options) => {
    await keyed('k', [{ stdout: 'x' }]);
    const response = await keyed('k', [{ stdout: 'x' }], options);
    expect(response.status).toBe(422);
    expect(await codeOf(response)).toBe('idempotency_mismatch');
  });

  it('while the job runs: 409 with where it is, or its stream from the start', async () => {
    const steps = [{ stdout: 'a' }, { sleep: 300 }, { stdout: 'b' }];
    const first = keyed('k', steps);
    await vi.waitFor(() => expect(app.supervisor.list()).toHaveLength(1));
    const id = app.supervisor.list()[0]?.ref.jobId;
    const again = await keyed('k', steps);
    expect(again.status).toBe(409);
    expect(again.headers.get('location')).toBe(`/jobs/${id}`);
    expect(await codeOf(again)).toBe('in_progress');
    const streamed = await allEvents(await keyed('k', steps, { headers: { Accept: 'text/event-stream' } }));
    expect(streamed[0]?.data).toMatchObject({ id });
    expect(streamed.at(-1)?.data).toEqual(await (await first).json());
    const later = await allEvents(await keyed('k', steps, { headers: { Accept: 'text/event-stream' } }));
    expect(later).toEqual(streamed);
    expect(runs()).toBe(1);
  });

  it('twenty at once run once', async () => {
    await app.open({ maxInFlight: 32 });
    const responses = await Promise.all(Array.from({ length: 20 }, () => keyed('k', [{ sleep: 50 }])));
    const statuses = responses.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(new Set(statuses)).toEqual(new Set([200, 409]));
    expect(runs()).toBe(1);
  });

  it('the job runs on when its client has gone, and its answer is there when it comes again', async () => {
    const client = new AbortController();
    const steps = [{ sleep: 150 }, { stdout: 'kept' }];
    const headers = { 'Idempotency-Key': 'k' };
    app.run(steps, { headers, signal: client.signal }).then(undefined, () => {});
    await vi.waitFor(() => expect(app.supervisor.list()).toHaveLength(1));
    client.abort();
    await vi.waitFor(() => expect(app.supervisor.list()).toHaveLength(0), { timeout: 3000 });
    expect(await (await keyed('k', steps)).json()).toMatchObject({ outcome: 'exited' });
  });

  it('respond-async with it: 202, then 409 while it runs, then the answer', async () => {
    const options = { headers: { Prefer: 'respond-async' } };
    const first = await keyed('k', [{ sleep: 100 }], options);
    expect([first.status, (await keyed('k', [{ sleep: 100 }], options)).status]).toEqual([202, 409]);
    await vi.waitFor(() => expect(app.supervisor.list()).toHaveLength(0), { timeout: 3000 });
    const later = await keyed('k', [{ sleep: 100 }], options);
    expect(later.status).toBe(200);
    expect(await later.json()).toMatchObject({ outcome: 'exited' });
  });

  it('a job that never ran leaves its key free', async () => {
    app.fake.failNext('create', new RuntimeError('unavailable', 'x'));
    expect((await keyed('k', [{ stdout: 'x' }])).status).toBe(503);
    expect(await (await keyed('k', [{ stdout: 'x' }])).json()).toMatchObject({ outcome: 'exited' });
  });

  it('so does a request that is refused', async () => {
    expect((await keyed('k', [], { fields: { language: 'cobol' } })).status).toBe(400);
    await app.open({ maxRunning: 1, maxQueued: 0 });
    const running = app.run([{ sleep: 200 }]);
    await vi.waitFor(() => expect(app.supervisor.list()).toHaveLength(1));
    expect((await keyed('k', [])).status).toBe(503);
    await running;
    expect((await keyed('k', [])).status).toBe(200);
  });

  it('and a job whose folder was deleted; its claim is forgotten', async () => {
    const { id } = (await (await keyed('k', [])).json()) as { id: string };
    rmSync(join(app.storageRoot, 's', `job-${id}`), { recursive: true });
    const { id: other } = (await (await keyed('k', [])).json()) as { id: string };
    expect(other).not.toBe(id);
  });

  it('a run whose end is unknown is not run again by its key', async () => {
    const steps = [{ stdout: 'x' }, { hang: true }] as const;
    const first = keyed('k', steps);
    await vi.waitFor(() => expect(app.supervisor.list()[0]?.record.status).toBe('running'));
    app.fake.goAway();
    expect((await first).status).toBe(503);
    app.fake.comeBack();
    const again = await keyed('k', steps);
    expect(again.status).toBe(503);
    expect(await codeOf(again)).toBe('infra_error');
    expect(runs()).toBe(1);
    for (const { id } of await app.fake.list({ labels: {} })) await app.fake.remove(id);
  });

  it('is each caller’s own', async () => {
    await app.open({ keys: KEYS });
    const ids = await Promise.all(
      KEYS.map(async ({ key }) => {
        const response = await keyed('same', [], { headers: { Authorization: `Bearer ${key}` } });
        return ((await response.json()) as { id: string }).id;
      }),
    );
    expect(new Set(ids).size).toBe(2);
  });

  it.each(['', ' ', 'ä', 'x'.repeat(256), 'a b'])('%j is no key', async (key) => {
    const headers = new Headers({ 'Content-Type': 'application/json' });
    try {
      headers.set('Idempotency-Key', key);
    } catch {
      return;
    }
    const body = '{"sessionId":"s","language":"bash","code":"x"}';
    const response = await app.request('/run', { method: 'POST', headers, body });
    expect(response.status).toBe(400);
    expect(runs()).toBe(0);
  });

  it('keeps nothing of the request but a digest that only this service can make', async () => {
    await keyed('secret-key-name', [{ stdout: 'x' }], { fields: { env: { TOKEN: 'hunter2-marker' } } });
    const folder = join(app.storageRoot, '.supervisor', 'idempotency');
    for (const name of readdirSync(folder)) {
      const text = name + readFileSync(join(folder, name), 'utf8');
      expect(text).not.toMatch(/hunter2|secret-key-name/);
    }
  });
});
