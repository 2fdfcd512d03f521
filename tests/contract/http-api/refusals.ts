import { describe, expect, it } from 'vitest';
import { containersOf } from '../../support/engine.ts';
import { checkError, expectError, post, type RawResponse, type SubjectGetter } from './subject.ts';

const GOOD = { tool: 'code_execution', sessionId: 'refusals', language: 'bash', code: 'true' };
const JSON_TYPE = { 'Content-Type': 'application/json' };

export function describeRefusals(subject: SubjectGetter): void {
  const send = (body: string, headers: Record<string, string> = JSON_TYPE): Promise<Response> =>
    subject().fetch('/tools/execute', { method: 'POST', headers, body });

  describe('requests that are refused', () => {
    it.each(['', '{', '{"a":', 'null x', '\u0000'])('%j is no JSON: 400', async (body) => {
      await expectError(await send(body), 400, 'invalid_json');
    });

    it.each(['[]', '"x"', '1', 'null', '{}'])('%s is no request: 400 with issues', async (body) => {
      const { issues } = await expectError(await send(body), 400, 'invalid_request');
      expect(issues?.length).toBeGreaterThan(0);
    });

    it('issues tell where and what to send', async () => {
      const body = { ...GOOD, files: [{ path: '../x', content: '' }], args: ['a', 1] };
      const { issues } = await expectError(
        await post(subject(), '/tools/execute', body),
        400,
        'invalid_request',
      );
      expect(issues).toEqual(
        expect.arrayContaining([
          { path: 'files.0.path', message: expect.stringMatching(/part.*plainly\.$/) },
          { path: 'args.1', message: expect.any(String) },
        ]),
      );
    });

    it.each(['privileged', 'binds', 'network', 'HostConfig', 'image'])(
      'the field %s is unknown',
      async (name) => {
        const response = await post(subject(), '/tools/execute', { ...GOOD, [name]: 'x' });
        const { issues } = await expectError(response, 400, 'invalid_request');
        expect(issues?.[0]?.path).toBe(name);
      },
    );

    it.each(['__proto__', 'constructor', 'prototype', 'toString'])(
      'a key %s is refused everywhere',
      async (key) => {
        const bad = `"${key}":{"polluted":"1"}`;
        const whole = JSON.stringify(GOOD).slice(0, -1);
        const bodies = [
          `${whole},${bad}}`,
          `${whole},"limits":{${bad}}}`,
          `${whole},"files":[{"path":"a","content":"",${bad}}]}`,
          `${whole},"env":{${bad}}}`,
        ];
        for (const body of bodies) await expectError(await send(body), 400, 'invalid_request');
        expect(({} as Record<string, unknown>).polluted).toBeUndefined();
      },
    );

    it('a lone surrogate is refused, not replaced', async () => {
      await expectError(await send(JSON.stringify({ ...GOOD, code: '\ud800' })), 400, 'invalid_request');
    });

    it('an unknown tool is told with the names that there are', async () => {
      const response = await post(subject(), '/tools/execute', { ...GOOD, tool: 'other' });
      expect((await expectError(response, 404, 'unknown_tool')).message).toContain('code_execution');
    });

    it.each([
      ['text/plain', 'text/plain'],
      ['a form', 'application/x-www-form-urlencoded'],
      ['JSON in another charset', 'application/json; charset=utf-16'],
    ])('%s: 415', async (_, type) => {
      await expectError(
        await send(JSON.stringify(GOOD), { 'Content-Type': type }),
        415,
        'unsupported_media_type',
      );
    });

    it('no type: 415', async () => {
      checkError(
        await subject().raw({ method: 'POST', path: '/tools/execute', body: '{}' }),
        415,
        'unsupported_media_type',
      );
    });

    it('a compressed body: 415, never inflated', async () => {
      const headers = { ...JSON_TYPE, 'Content-Encoding': 'gzip' };
      await expectError(await send('x'.repeat(100), headers), 415, 'unsupported_media_type');
    });

    it('a body above the limit: 413, by its length and when it has none', async () => {
      const big = 'x'.repeat(5 * 1024 * 1024);
      await expectError(await send(JSON.stringify({ ...GOOD, code: big })), 413, 'too_large');
      const stream = new Blob([JSON.stringify({ ...GOOD, code: big })]).stream();
      const init = { method: 'POST', headers: JSON_TYPE, body: stream, duplex: 'half' } as RequestInit;
      await expectError(await subject().fetch('/tools/execute', init), 413, 'too_large');
    });

    it('10,001 files: 413', async () => {
      const files = Array.from({ length: 10_001 }, (_, n) => ({ path: `${n}`, content: '' }));
      await expectError(await post(subject(), '/tools/execute', { ...GOOD, files }), 413, 'too_large');
    });

    it('100,000 nested arrays: 400, and others are answered meanwhile', async () => {
      const nested = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
      const asked = send(nested);
      const begun = performance.now();
      const health = await subject().fetch('/healthz');
      await health.body?.cancel();
      expect(performance.now() - begun).toBeLessThan(1000);
      const { status } = await asked;
      expect(status).toBe(400);
    });

    it('none of these has made a container', async () => {
      expect(await containersOf(subject().instanceId)).toEqual([]);
    });
  });

  describe('guards', () => {
    const PATHS = ['/tools', '/healthz', '/readyz', '/artifacts/s/j/x', '/nothing'];
    const raw = (path: string, headers: Record<string, string>, method = 'GET'): Promise<RawResponse> =>
      subject().raw({ path, headers, method });

    it.each(PATHS)('%s by a foreign Host: 403', async (path) => {
      checkError(await raw(path, { Host: 'evil.example' }), 403, 'host_refused');
    });

    it('a Host that is none: 400, and the service lives', async () => {
      for (const host of ['[', 'a b', 'x:99999']) {
        const { status } = await raw('/healthz', { Host: host });
        expect(status, host).toBe(400);
      }
      expect((await raw('/healthz', {})).status).toBe(200);
    });

    it.each(['https://evil.example', 'null'])('Origin %s: 403 without CORS headers', async (origin) => {
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        const response = await raw('/tools/execute', { Origin: origin }, method);
        checkError(response, 403, 'origin_refused');
        const cors = [...response.headers.keys()].filter((name) => name.startsWith('access-control'));
        expect(cors).toEqual([]);
      }
    });

    it('what another site’s page fetches: 403, a followed link to an artifact isn’t', async () => {
      const fetched = {
        'Sec-Fetch-Site': 'cross-site',
        'Sec-Fetch-Mode': 'no-cors',
        'Sec-Fetch-Dest': 'image',
      };
      checkError(await raw('/artifacts/s/j/x', fetched), 403, 'origin_refused');
      checkError(await raw('/tools', fetched), 403, 'origin_refused');
      const link = {
        'Sec-Fetch-Site': 'cross-site',
        'Sec-Fetch-Mode': 'navigate',
        'Sec-Fetch-Dest': 'document',
      };
      checkError(await raw('/artifacts/s/j/x', link), 404, 'not_found');
      checkError(await raw('/tools', link), 403, 'origin_refused');
    });
  });
}
