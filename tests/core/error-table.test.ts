import { describe, expect, it, vi } from 'vitest';
import { serve } from '../../src/adapters/node.ts';
import { RuntimeError, type RuntimeErrorCode } from '../../src/core/container-runtime.ts';
import { ERROR_TABLE, type ErrorCode } from '../../src/core/errors.ts';
import { createApp, createRoutes } from '../../src/core/http/app.ts';
import type { App } from '../../src/core/http/context.ts';
import { OPEN_STREAMS } from '../../src/core/http/open-streams.ts';
import { useApp } from '../support/app-fixture.ts';
import { APP_BASE } from '../support/build-app.ts';
import { ELSEWHERE, type ErrorRow, toErrorDocument, toErrorRows } from '../support/error-table.ts';
import { leaveInterrupted } from '../support/leave-interrupted.ts';

const fixture = useApp();

/** `<operation> <code>` of every error that a test of this file made happen. */
const produced = new Set<string>();

const DOORS = ['POST /tools/execute', 'POST /run'] as const;
type Door = (typeof DOORS)[number];

const JOB_ID = '0'.repeat(45);
const ANNA = 'annas-key-of-24-characters-or-more';
const KEYS = [
  { name: 'anna', key: ANNA },
  { name: 'bo', key: 'bos-key-of-24-characters-or-more' },
];

const rowsOf = (): readonly ErrorRow[] => toErrorRows(createRoutes(fixture.deps));

/** Checks an error answer, and takes down that this operation gave it. */
async function expectError(operation: string, code: ErrorCode, response: Response): Promise<void> {
  const text = await response.text();
  const { error } = JSON.parse(text) as { error: { code: string; message: string; requestId?: string } };
  expect(error.code, `${operation}: ${text}`).toBe(code);
  expect(response.status).toBe(ERROR_TABLE[code].status);
  expect(response.headers.has('retry-after')).toBe('retryAfter' in ERROR_TABLE[code]);
  expect(error.message).toMatch(/\.$/);
  expect(error.requestId).toMatch(/./);
  produced.add(`${operation} ${code}`);
}

function toPath(path: string): string {
  const values: Readonly<Record<string, string>> = {
    id: JOB_ID,
    jobId: JOB_ID,
    sessionId: 's',
    filename: 'x',
  };
  return path.replace(/:(\w+)/g, (_, name: string) => values[name] ?? name);
}

async function ask(app: App, row: ErrorRow, headers: Record<string, string> = {}, base = APP_BASE) {
  return app.request(`${base}${toPath(row.path)}`, { method: row.method, headers });
}

interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** A job by one of the doors; its program are fake steps. */
function send(door: Door, steps: readonly object[], sent: Sent = {}): Promise<Response> {
  const { headers = {}, fields = {}, body, signal } = sent;
  const tool = door === 'POST /tools/execute' ? { tool: 'code_execution' } : {};
  const args = [JSON.stringify(steps)];
  const whole = { ...tool, sessionId: 's', language: 'bash', code: 'true', args, ...fields };
  return fixture.request(door.replace('POST ', ''), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: body ?? JSON.stringify(whole),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Does something while a job runs that ends with its client. */
async function whileRunning(door: Door, work: () => Promise<void>, headers = {}): Promise<void> {
  const gone = new AbortController();
  const answer = send(door, [{ hang: true }], { signal: gone.signal, headers });
  await vi.waitFor(() => expect(fixture.supervisor.list()[0]?.record.status).toBe('running'));
  await work();
  gone.abort();
  await answer.catch(() => {});
}

async function finishedJob(): Promise<{ id: string; artifacts: { outputs: { stdout: string } } }> {
  return (await (await send('POST /run', [{ stdout: 'x' }])).json()) as never;
}

describe('every route', () => {
  it('refuses a Host that is none, or not served, and another site’s page', async () => {
    for (const row of rowsOf()) {
      const { operation } = row;
      await expectError(operation, 'invalid_request', await ask(fixture.app, row, { Host: 'a b' }));
      await expectError(operation, 'host_refused', await ask(fixture.app, row, {}, 'http://evil.example'));
      const origin = { Origin: 'https://evil.example' };
      await expectError(operation, 'origin_refused', await ask(fixture.app, row, origin));
    }
  });

  it('refuses a key that is none of ours', async () => {
    await fixture.open({ keys: KEYS });
    for (const row of rowsOf()) {
      const response = await ask(fixture.app, row, { Authorization: 'Bearer wrong' });
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
      await expectError(row.operation, 'unauthorized', response);
    }
  });

  it('knows its own methods alone', async () => {
    for (const { operation, path } of rowsOf()) {
      const response = await fixture.request(toPath(path), { method: 'PUT' });
      expect(response.headers.get('allow')).toMatch(/GET|POST/);
      await expectError(operation, 'method_not_allowed', response);
    }
  });

  it('tells nothing of what nobody foresaw', async () => {
    const authenticate = async (): Promise<never> => {
      throw new TypeError('a secret of /root');
    };
    const broken = createApp({ ...fixture.deps, apiKeys: { required: false, names: [], authenticate } });
    for (const row of rowsOf()) await expectError(row.operation, 'internal', await ask(broken, row));
  });

  it('refuses headers that are too large', async () => {
    const { app } = fixture;
    const server = await serve({ fetch: (request) => app.fetch(request), host: '127.0.0.1', port: 0 });
    try {
      for (const row of rowsOf()) {
        const headers = { 'X-Large': 'x'.repeat(20_000) };
        const response = await fetch(`${server.url}${toPath(row.path)}`, { method: row.method, headers });
        await expectError(row.operation, 'headers_too_large', response);
      }
    } finally {
      await server.close();
    }
  });

  it(`${ELSEWHERE} is nothing`, async () => {
    await expectError(ELSEWHERE, 'not_found', await fixture.request('/nothing'));
    const response = await fixture.request('/nothing', { method: 'PROPFIND' });
    await expectError(ELSEWHERE, 'method_not_allowed', response);
  });
});

describe.each(DOORS)('%s', (door) => {
  it('refuses what it can’t read', async () => {
    await expectError(door, 'invalid_json', await send(door, [], { body: '{' }));
    await expectError(door, 'invalid_request', await send(door, [], { fields: { code: 1 } }));
    const big = await send(door, [], { fields: { code: 'x'.repeat(70_000) } });
    await expectError(door, 'too_large', big);
    const typed = await send(door, [], { headers: { 'Content-Type': 'text/plain' } });
    await expectError(door, 'unsupported_media_type', typed);
  });

  it('lets a key stand for one request', async () => {
    const headers = { 'Idempotency-Key': 'k' };
    const answer = send(door, [{ sleep: 100 }], { headers });
    await vi.waitFor(() => expect(fixture.supervisor.list()).toHaveLength(1));
    const again = await send(door, [{ sleep: 100 }], { headers });
    expect(again.headers.get('location')).toMatch(/^\/jobs\//);
    await expectError(door, 'in_progress', again);
    await answer;
    const other = await send(door, [{ sleep: 100 }], { headers, fields: { code: 'false' } });
    await expectError(door, 'idempotency_mismatch', other);
  });

  it('has no place left', async () => {
    await fixture.open({ maxRunning: 1, maxQueued: 0 });
    await whileRunning(door, async () => expectError(door, 'overloaded', await send(door, [])));
    await fixture.open({ maxRunning: 1, maxQueued: 1, queueTimeoutMs: 20 });
    await whileRunning(door, async () => expectError(door, 'queue_timeout', await send(door, [])));
    const headers = { Authorization: `Bearer ${ANNA}` };
    await fixture.open({ maxRunning: 1, maxQueued: 2, keys: KEYS });
    const flood = async (): Promise<void> => {
      const second = send(door, [], { headers });
      await vi.waitFor(() => expect(fixture.supervisor.list()).toHaveLength(2));
      await expectError(door, 'rate_limited', await send(door, [], { headers }));
      fixture.supervisor.list()[1]?.cancel();
      await second;
    };
    await whileRunning(door, flood, headers);
  });

  it.each<[RuntimeErrorCode, ErrorCode]>([
    ['image_not_found', 'image_unavailable'],
    ['runtime_unknown', 'misconfigured'],
    ['limit_discarded', 'limits_not_enforced'],
    ['unavailable', 'engine_unavailable'],
  ])('an engine’s %s is %s', async (fault, code) => {
    fixture.fake.failNext('create', new RuntimeError(fault, 'x'));
    await expectError(door, code, await send(door, []));
  });

  it('tells that an end is unknown, that the disk is full, that the service stops', async () => {
    fixture.fake.failNext('start', new RuntimeError('unavailable', 'x'));
    await expectError(door, 'infra_error', await send(door, []));
    const free = vi.spyOn(fixture.storage.workspaces, 'free').mockResolvedValue({ bytes: 0, inodes: 0 });
    await expectError(door, 'storage_full', await send(door, []));
    free.mockRestore();
    await fixture.supervisor.close(0);
    await expectError(door, 'shutting_down', await send(door, []));
  });
});

describe('the other routes', () => {
  it('POST /tools/execute knows the registered tools', async () => {
    const unknown = await send('POST /tools/execute', [], { fields: { tool: 'nothing' } });
    await expectError('POST /tools/execute', 'unknown_tool', unknown);
  });

  it('jobs that there aren’t, or that have ended', async () => {
    await expectError('GET /jobs/:id', 'not_found', await fixture.request(`/jobs/${JOB_ID}`));
    const events = await fixture.request(`/jobs/${JOB_ID}/events`);
    await expectError('GET /jobs/:id/events', 'not_found', events);
    const cancel = (id: string) => fixture.request(`/jobs/${id}`, { method: 'DELETE' });
    await expectError('DELETE /jobs/:id', 'not_found', await cancel(JOB_ID));
    const { id } = await finishedJob();
    await expectError('DELETE /jobs/:id', 'already_finished', await cancel(id));
    const left = await finishedJob();
    leaveInterrupted(fixture.storageRoot, left.id);
    await expectError('DELETE /jobs/:id', 'engine_unavailable', await cancel(left.id));
    await expectError('GET /jobs', 'invalid_request', await fixture.request('/jobs?limit=0'));
    const headers = { 'Last-Event-ID': 'x' };
    const from = await fixture.request(`/jobs/${id}/events`, { headers });
    await expectError('GET /jobs/:id/events', 'invalid_request', from);
  });

  it('a caller has so many streams open and no more', async () => {
    const { id } = await finishedJob();
    const follow = () => fixture.request(`/jobs/${id}/events`);
    const open: Response[] = [];
    for (let n = 0; n < OPEN_STREAMS; n += 1) open.push(await follow());
    await expectError('GET /jobs/:id/events', 'rate_limited', await follow());
    for (const response of open) await response.body?.cancel();
  });

  it('artifacts that there aren’t, and ranges beyond them', async () => {
    const operation = 'GET /artifacts/:sessionId/:jobId/:filename';
    await expectError(operation, 'not_found', await fixture.request(`/artifacts/s/${JOB_ID}/x`));
    await expectError(operation, 'invalid_request', await fixture.request(`/artifacts/s/${JOB_ID}/%ff`));
    const { artifacts } = await finishedJob();
    const beyond = await fixture.app.request(artifacts.outputs.stdout, { headers: { Range: 'bytes=9-' } });
    expect(beyond.headers.get('content-range')).toBe('bytes */1');
    await expectError(operation, 'range_not_satisfiable', beyond);
  });
});

describe('the table of errors', () => {
  it('was made to happen, each pair of route and code', () => {
    const claimed = [
      ...rowsOf().flatMap(({ operation, codes }) => codes.map((code) => `${operation} ${code}`)),
      `${ELSEWHERE} not_found`,
      `${ELSEWHERE} method_not_allowed`,
    ];
    expect(claimed.filter((pair) => !produced.has(pair))).toEqual([]);
    expect([...produced].filter((pair) => !claimed.includes(pair))).toEqual([]);
  });

  it('names every code there is', () => {
    const named = new Set([...rowsOf().flatMap(({ codes }) => codes)]);
    expect(Object.keys(ERROR_TABLE).filter((code) => !named.has(code as ErrorCode))).toEqual([]);
  });

  it('is docs/errors.md', async () => {
    await expect(toErrorDocument(rowsOf())).toMatchFileSnapshot('../../docs/errors.md');
  });
});
