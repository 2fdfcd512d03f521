import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RuntimeError } from '../../src/core/container-runtime.ts';
import type { App } from '../../src/core/http/context.ts';
import { createFakeRuntime, type FakeProgram, type FakeRuntime } from '../../src/runtimes/fake/index.ts';
import { createStorage, type Storage } from '../../src/storage/index.ts';
import { type AppOptions, APP_BASE as BASE, buildApp } from '../support/build-app.ts';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.ts';

let root: string;
let storage: Storage;
let fake: FakeRuntime;

/** Says hello and then what its command line is, so that a test sees how the tool called it. */
const hello: FakeProgram = async (process) => {
  await process.write('stdout', `${JSON.stringify(process.spec.args)}\n`);
  return 0;
};

beforeEach(async () => {
  root = makeTemporaryFolder('app');
  storage = await createStorage({ root: join(root, 'storage') });
  fake = createFakeRuntime({ program: hello });
});
afterEach(async () => {
  await storage.close();
  removeFolder(root);
});

async function makeApp(options: AppOptions = {}): Promise<App> {
  return (await buildApp(storage, fake, options)).app;
}

const GOOD = { tool: 'code_execution', sessionId: 's', language: 'python', code: 'x' };

async function execute(app: App, fields: Record<string, unknown> = {}, headers: Record<string, string> = {}) {
  const response = await app.request(`${BASE}/tools/execute`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ ...GOOD, ...fields }),
  });
  return {
    response,
    body: (await response.json()) as Record<string, never> & { error: Record<string, unknown> },
  };
}

/** For who asks for status and headers only: a body that nobody takes would keep its file open. */
async function look(app: App, url: string, init: RequestInit = {}): Promise<Response> {
  const response = await app.request(url, init);
  await response.body?.cancel();
  return response;
}

describe('the app with the fake engine', () => {
  it('runs a tool and serves what it left', async () => {
    const app = await makeApp();
    const { response, body } = await execute(app, { args: ['-v'] });
    expect(response.status).toBe(200);
    const { stdout } = (body as unknown as { artifacts: { outputs: { stdout: string } } }).artifacts.outputs;
    const artifact = await app.request(stdout);
    expect(await artifact.text()).toBe('["python3","script.py","-v"]\n');
  });

  it.each([
    ['node', ['node', 'script.js']],
    ['bun', ['bun', '--no-install', 'script.ts']],
    ['bash', ['bash', 'script.sh']],
  ])('%s is started as %j', async (language, args) => {
    const app = await makeApp();
    const { body } = await execute(app, { language });
    const { stdout } = (body as unknown as { artifacts: { outputs: { stdout: string } } }).artifacts.outputs;
    expect(JSON.parse(await (await app.request(stdout)).text())).toEqual(args);
  });

  it('every answer bears the request’s id, an artifact and a stream too', async () => {
    const app = await makeApp();
    const { response, body } = await execute(app);
    const { stdout } = (body as unknown as { artifacts: { outputs: { stdout: string } } }).artifacts.outputs;
    const { id } = body as unknown as { id: string };
    expect(response.headers.get('x-request-id')).toMatch(/./);
    for (const url of [stdout, `${BASE}/jobs/${id}/events`, `${BASE}/metrics`, `${BASE}/readyz`]) {
      const answer = await app.request(url, { headers: { 'X-Request-Id': 'mine' } });
      await answer.body?.cancel();
      expect(answer.headers.get('x-request-id'), url).toBe('mine');
    }
  });

  it('URLs begin with PUBLIC_URL where there is one', async () => {
    const { body } = await execute(await makeApp({ guard: { publicUrl: 'https://tools.example.com/aa' } }));
    expect(JSON.stringify(body)).toContain('"https://tools.example.com/aa/artifacts/s/');
    expect(JSON.stringify(body)).not.toContain('127.0.0.1');
  });

  it('an end that can’t be found out is 503 infra_error with the job’s id and its output', async () => {
    fake.failNext('start', new RuntimeError('unavailable', 'socket hang up at /var/run/docker.sock'));
    const { response, body } = await execute(await makeApp());
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(body.error).toMatchObject({
      code: 'infra_error',
      requestId: response.headers.get('x-request-id'),
      id: expect.stringMatching(/^[0-9a-z]{45}$/),
      artifacts: { outputs: { stdout: expect.stringContaining('/stdout') } },
    });
    expect(body.error).not.toHaveProperty('exitCode');
    expect(JSON.stringify(body)).not.toMatch(/docker\.sock|hang up/);
  });

  it('readiness tells a missing engine, a job too, and both recover', async () => {
    const app = await makeApp();
    fake.goAway();
    const ready = await app.request(`${BASE}/readyz`);
    expect(ready.status).toBe(503);
    expect(ready.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await ready.json()).toMatchObject({
      status: 'unavailable',
      problems: [{ code: 'engine_unavailable', message: expect.stringMatching(/npm run setup/) }],
    });
    expect((await execute(app)).response.status).toBe(503);
    expect((await app.request(`${BASE}/healthz`)).status).toBe(200);
    fake.comeBack();
    expect((await execute(app)).response.status).toBe(200);
  });

  it('an unexpected error is 500 internal and tells nothing of itself', async () => {
    const app = await makeApp();
    app.get('/boom', () => {
      throw new TypeError('secret of /root/x.ts');
    });
    const response = await app.request(`${BASE}/boom`);
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(text).toContain('"internal"');
    expect(text).not.toContain('secret');
  });

  it('an artifact whose bytes were changed afterwards is not served as what it was', async () => {
    const app = await makeApp();
    const { body } = await execute(app);
    const { stdout } = (body as unknown as { artifacts: { outputs: { stdout: string } } }).artifacts.outputs;
    const { writeFileSync } = await import('node:fs');
    const { id } = body as unknown as { id: string };
    writeFileSync(join(root, 'storage', 's', `job-${id}`, 'stdout'), 'other length');
    expect((await app.request(stdout)).status).toBe(404);
  });
});

describe('CORS', () => {
  const listed = { guard: { corsOrigins: ['https://chat.example.com'] } };
  const preflight = (app: App, origin: string) =>
    app.request(`${BASE}/tools/execute`, {
      method: 'OPTIONS',
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'content-type',
      },
    });

  it('a listed origin may call, its errors included, and embed artifacts', async () => {
    const app = await makeApp(listed);
    const asked = await preflight(app, 'https://chat.example.com');
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe('https://chat.example.com');
    const { response } = await execute(app, { code: 1 }, { Origin: 'https://chat.example.com' });
    expect(response.status).toBe(400);
    expect(response.headers.get('access-control-allow-origin')).toBe('https://chat.example.com');
    const { body } = await execute(app, {}, { Origin: 'https://chat.example.com' });
    const { stdout } = (body as unknown as { artifacts: { outputs: { stdout: string } } }).artifacts.outputs;
    expect((await look(app, stdout)).headers.get('cross-origin-resource-policy')).toBe('cross-origin');
  });

  it('a page may read every header that an answer tells something by', async () => {
    const app = await makeApp(listed);
    const { response } = await execute(app, {}, { Origin: 'https://chat.example.com' });
    const exposed = response.headers.get('access-control-expose-headers')?.split(/, ?/) ?? [];
    for (const name of [
      ...['X-Request-Id', 'Location', 'Retry-After', 'Preference-Applied'],
      ...['ETag', 'Accept-Ranges', 'Content-Range', 'Content-Disposition'],
    ])
      expect(exposed).toContain(name);
  });

  it('another origin may not', async () => {
    const refused = await preflight(await makeApp(listed), 'https://evil.example');
    expect(refused.status).toBe(403);
    expect(refused.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('with keys', () => {
  const ANNA = 'annas-key-of-24-characters-or-more';
  const BO = 'bos-key-of-24-characters-or-more';
  const keys = [
    { name: 'anna', key: ANNA },
    { name: 'bo', key: BO },
  ];
  const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });

  async function stdoutUrl(app: App): Promise<string> {
    const { body } = await execute(app, {}, bearer(ANNA));
    const { stdout } = (body as unknown as { artifacts: { outputs: { stdout: string } } }).artifacts.outputs;
    return stdout;
  }

  it.each([
    ['GET', '/tools'],
    ['POST', '/tools/execute'],
    ['POST', '/run'],
    ['GET', '/nothing'],
    ['DELETE', '/tools'],
    ['GET', '/artifacts/s/00000000000000000000000000/stdout'],
    ['GET', '/tools?key=annas-key-of-24-characters-or-more'],
  ])('%s %s needs one', async (method, path) => {
    const response = await (await makeApp({ keys })).request(`${BASE}${path}`, { method });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('health answers a word without one, and refuses a wrong one', async () => {
    const findings = [{ name: 'engine', status: 'ok' as const, seen: 'one' }];
    const app = await makeApp({ keys, examine: async () => findings });
    for (const path of ['/healthz', '/readyz', '/readyz?verbose']) {
      const response = await app.request(`${BASE}${path}`);
      expect(response.status).toBe(200);
      expect(Object.keys((await response.json()) as object)).toEqual(['status']);
      expect((await app.request(`${BASE}${path}`, { headers: bearer('wrong') })).status).toBe(401);
    }
    const verbose = await app.request(`${BASE}/readyz?verbose`, { headers: bearer(ANNA) });
    expect(await verbose.json()).toMatchObject({ engine: { name: 'fake' }, findings });
  });

  it('an unready service says no more than that without one', async () => {
    fake.goAway();
    const response = await (await makeApp({ keys })).request(`${BASE}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ status: 'unavailable' });
  });

  it('artifact URLs open by their signature alone, and only as they were given', async () => {
    const app = await makeApp({ keys });
    const url = await stdoutUrl(app);
    expect(new URL(url).searchParams.has('sig')).toBe(true);
    expect((await look(app, url)).status).toBe(200);
    expect((await look(app, url, { method: 'HEAD' })).status).toBe(200);
    expect((await look(app, url.replace('/stdout', '/stderr'))).status).toBe(401);
    expect((await look(app, url.replace(/exp=\d+/, 'exp=9999999999'))).status).toBe(401);
    expect((await look(app, url.replace(/\?.*/, ''))).status).toBe(401);
    expect((await look(app, url, { method: 'DELETE' })).status).toBe(401);
  });

  it('a key opens its holder’s artifacts; to another they look like none, signature or not', async () => {
    const app = await makeApp({ keys });
    const url = await stdoutUrl(app);
    const plain = url.replace(/\?.*/, '');
    expect((await look(app, plain, { headers: bearer(ANNA) })).status).toBe(200);
    const theirs = await app.request(plain, { headers: bearer(BO) });
    const unknown = await app.request(plain.replace(/\/[0-9a-z]{45}\//, `/${'0'.repeat(45)}/`), {
      headers: bearer(BO),
    });
    const strip = async (response: Response): Promise<unknown> => {
      const { error } = (await response.json()) as { error: Record<string, unknown> };
      return { ...error, status: response.status, requestId: undefined };
    };
    expect(theirs.status).toBe(404);
    expect(await strip(theirs)).toEqual(await strip(unknown));
    expect((await look(app, url, { headers: bearer(BO) })).status).toBe(404);
  });

  it('a link that has expired asks for a key', async () => {
    const app = await makeApp({ keys, ttlSeconds: -1 });
    expect((await app.request(await stdoutUrl(app))).status).toBe(401);
  });

  it('a listed page’s preflight is answered without one, and can read a refusal', async () => {
    const app = await makeApp({ keys, guard: { corsOrigins: ['https://chat.example.com'] } });
    const headers = { Origin: 'https://chat.example.com', 'Access-Control-Request-Method': 'POST' };
    const preflight = await app.request(`${BASE}/tools/execute`, { method: 'OPTIONS', headers });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://chat.example.com');
    const refused = await app.request(`${BASE}/tools`, { headers: { Origin: 'https://chat.example.com' } });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('access-control-allow-origin')).toBe('https://chat.example.com');
  });
});

describe('requests whose bodies are held', () => {
  it('are bounded, and the one too many is told before its body is read', async () => {
    const app = await makeApp({ maxInFlight: 1 });
    const never = new ReadableStream({ pull: () => new Promise(() => {}) });
    const headers = { 'Content-Type': 'application/json' };
    const gone = new AbortController();
    const init = { method: 'POST', headers, body: never, duplex: 'half', signal: gone.signal };
    void app.request(`${BASE}/run`, init as RequestInit);
    const { response, body } = await execute(app);
    expect(response.status).toBe(503);
    expect(body.error.code).toBe('overloaded');
    expect(response.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    gone.abort();
  });
});
