import type { RequestListener } from 'node:http';
import { describe, expect, it } from 'vitest';
import { readAddress, readFirstKey } from '../../scripts/lib/address.js';
import { exampleRequest, runFirstJobs } from '../../scripts/lib/first-jobs.js';
import { portOf, serve } from './fixtures.ts';

type Seen = { authorization: string | undefined; body: Record<string, string> };

/** A stand-in service: each job ends with the code given for its language, its stdout is its language's name. */
async function makeService(exitCodes: Record<string, number> = {}) {
  const seen: Seen[] = [];
  const listener: RequestListener = async (request, response) => {
    if (request.url?.startsWith('/out/')) {
      response.end(`I am ${request.url.slice(5)}\n`);
      return;
    }
    let text = '';
    for await (const chunk of request) text += chunk;
    const body = JSON.parse(text) as Record<string, string>;
    seen.push({ authorization: request.headers.authorization, body });
    const { language = '' } = body;
    const stdout = `http://${request.headers.host}/out/${language}`;
    response.end(
      JSON.stringify({
        id: 'x',
        exitCode: exitCodes[language] ?? 0,
        outcome: 'exited',
        timings: { create: 12.4, run: 3 },
        artifacts: { inputs: {}, outputs: { stdout } },
      }),
    );
  };
  return { url: `http://127.0.0.1:${portOf(await serve(0, listener))}`, seen };
}

async function run(url: string, key?: string) {
  const text: string[] = [];
  const ok = await runFirstJobs(url, key, ({ lines }) => text.push(...lines));
  return { ok, text: text.join('\n') };
}

describe('the first jobs', () => {
  it('run one program in each language and show outcome, timings, URLs and what was printed', async () => {
    const { url, seen } = await makeService();
    const { ok, text } = await run(url);
    expect(ok).toBe(true);
    expect(seen.map(({ body }) => body.language)).toEqual(['python', 'node', 'bun', 'bash']);
    expect(seen[0]?.body).toMatchObject({ tool: 'code_execution', sessionId: 'first-jobs' });
    expect(text).toMatch(/python: exited, exit code 0, \d+ ms \(create 12, run 3\)/);
    expect(text).toContain(`outputs/stdout: ${url}/out/bun`);
    expect(text).toContain('| I am bash');
  });

  it('fail together when one of them ends with another code, and run on to the last', async () => {
    const { url, seen } = await makeService({ node: 3 });
    const { ok, text } = await run(url);
    expect(ok).toBe(false);
    expect(seen).toHaveLength(4);
    expect(text).toContain('node: exited, exit code 3');
  });

  it('fail with the answer shown when the service refuses them', async () => {
    const server = await serve(0, (_request, response) => {
      response.statusCode = 503;
      response.end('{"error":{"code":"overloaded"}}');
    });
    const { ok, text } = await run(`http://127.0.0.1:${portOf(server)}`);
    expect(ok).toBe(false);
    expect(text).toContain('python: 503 {"error":{"code":"overloaded"}}');
  });

  it('fail, and do not throw, when nobody listens', async () => {
    const server = await serve(0, () => {});
    const port = portOf(server);
    await new Promise((resolve) => server.close(resolve));
    expect((await run(`http://127.0.0.1:${port}`)).ok).toBe(false);
  });

  it('carry the key', async () => {
    const { url, seen } = await makeService();
    await run(url, 'secret');
    expect(seen.every(({ authorization }) => authorization === 'Bearer secret')).toBe(true);
    expect(exampleRequest(url, true)).not.toContain('secret');
  });
});

describe('what start reads from the settings', () => {
  it('takes the first key that is not hashed', () => {
    expect(readFirstKey(undefined)).toEqual({ needed: false, key: undefined });
    expect(readFirstKey('a:sha256:00ff, b:plain:with-colon')).toEqual({
      needed: true,
      key: 'plain:with-colon',
    });
    expect(readFirstKey('a:sha256:00ff')).toEqual({ needed: true, key: undefined });
  });

  it('reaches a service that listens everywhere by loopback', () => {
    expect(readAddress({})).toEqual({ host: '127.0.0.1', port: 8080, url: 'http://127.0.0.1:8080' });
    expect(readAddress({ HOST: '0.0.0.0', PORT: '9000' }).url).toBe('http://127.0.0.1:9000');
    expect(readAddress({ HOST: '::', PORT: '9000' }).url).toBe('http://[::1]:9000');
  });
});
