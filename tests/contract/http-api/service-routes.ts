import { describe, expect, it } from 'vitest';
import { checkError, type SubjectGetter } from './subject.ts';

export function describeServiceRoutes(subject: SubjectGetter): void {
  describe('routes of the service', () => {
    it('GET /tools tells each tool with the JSON Schema of its input', async () => {
      const response = await subject().fetch('/tools');
      expect(response.status).toBe(200);
      const { tools } = (await response.json()) as { tools: Record<string, unknown>[] };
      expect(tools).toHaveLength(1);
      expect(tools[0]).toMatchObject({
        name: 'code_execution',
        title: expect.any(String),
        description: expect.any(String),
        inputSchema: {
          type: 'object',
          required: ['language', 'code'],
          additionalProperties: false,
          properties: {
            language: { enum: ['python', 'node', 'bun', 'bash'] },
            code: { type: 'string' },
            files: { type: 'array' },
            timeoutMs: { type: 'integer' },
            limits: { type: 'object' },
          },
        },
      });
    });

    it('/healthz and /readyz answer a word', async () => {
      const health = await subject().fetch('/healthz');
      expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }]);
      const ready = await subject().fetch('/readyz');
      expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready' }]);
    });

    it('/readyz?verbose tells engine and store', async () => {
      const response = await subject().fetch('/readyz?verbose');
      expect(await response.json()).toMatchObject({
        status: 'ready',
        store: 'disk',
        engine: { name: subject().engine, version: expect.any(String), ociRuntimes: expect.any(Array) },
      });
    });

    it('every answer bears a request id, a client’s own is kept', async () => {
      const response = await subject().fetch('/healthz');
      await response.body?.cancel();
      expect(response.headers.get('x-request-id')).toMatch(/^[\w-]{8,}$/);
      const own = await subject().fetch('/healthz', { headers: { 'X-Request-Id': 'my-own-id-1' } });
      await own.body?.cancel();
      expect(own.headers.get('x-request-id')).toBe('my-own-id-1');
    });

    it('HEAD answers as GET does, without a body', async () => {
      const response = await subject().raw({ method: 'HEAD', path: '/healthz' });
      expect([response.status, response.text]).toEqual([200, '']);
    });

    it.each([
      ['/tools/execute', 'GET', 'POST'],
      ['/tools/execute', 'PUT', 'POST'],
      ['/run', 'DELETE', 'POST'],
      ['/tools', 'POST', 'GET, HEAD'],
      ['/healthz', 'POST', 'GET, HEAD'],
      ['/artifacts/s/j/x', 'DELETE', 'GET, HEAD'],
      ['/artifacts/s/j/x', 'PUT', 'GET, HEAD'],
    ])('%s does not know %s and allows %s', async (path, method, allow) => {
      const response = await subject().raw({ method, path });
      checkError(response, 405, 'method_not_allowed');
      expect(response.headers.get('allow')).toBe(allow);
    });

    it.each(['/', '/nothing', '/tools/', '/tool', '/.env', '/debug', '//tools'])(
      '%s is nothing: 404',
      async (path) => {
        checkError(await subject().raw({ path }), 404, 'not_found');
      },
    );
  });
}
