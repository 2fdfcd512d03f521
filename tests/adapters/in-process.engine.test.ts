import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ServeOptions } from '../../src/adapters/server.ts';
import { parseConfig } from '../../src/core/config.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { createToolRegistry } from '../../src/core/tool-registry.ts';
import { createMetrics } from '../../src/metrics/index.ts';
import { createRuntime } from '../../src/runtimes/index.ts';
import { startService } from '../../src/service.ts';
import { createStorage } from '../../src/storage/index.ts';
import { codeExecution } from '../../src/tools/code-execution.ts';
import { describeHttpApi, EXAM_SETTINGS, type HttpSubject } from '../contract/http-api.ts';
import { containersOf, DOCKER } from '../support/engine.ts';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.ts';

const BASE_URL = 'http://127.0.0.1:8080';

describeHttpApi('in process', async (): Promise<HttpSubject> => {
  const folder = makeTemporaryFolder('in-process');
  const env = { ...EXAM_SETTINGS, AA_STORAGE_PATH: join(folder, 'storage') };
  const config = parseConfig(env, { cores: 2, home: folder, cwd: folder });
  const toolRegistry = createToolRegistry();
  toolRegistry.register(codeExecution);
  const storage = await createStorage({ root: config.storagePath });
  const runtime = createRuntime({
    kind: 'docker',
    socketPath: DOCKER.socketPath,
    env: process.env,
    platform: process.platform,
    home: homedir(),
    logger: silentLogger,
  });
  let answer: ServeOptions['fetch'] = () => Response.error();
  const serve = async (options: ServeOptions) => {
    answer = options.fetch;
    return { url: BASE_URL, close: async () => {} };
  };
  const service = await startService({
    config: { ...config, apiKeys: [] },
    toolRegistry,
    runtime,
    ...storage,
    logger: silentLogger,
    metrics: createMetrics(),
    serve,
  });
  const ready = await answer(new Request(`${BASE_URL}/readyz`));
  expect(await ready.json()).toEqual({ status: 'ready' });
  const { instanceId } = storage;

  return {
    baseUrl: BASE_URL,
    storageRoot: config.storagePath,
    instanceId,
    engine: DOCKER.name,
    fetch: async (path, init) => abortable(await toRequest(path, init), answer, init?.signal ?? undefined),
    async raw({ method = 'GET', path, headers = {}, body }) {
      const request = new Request(`${BASE_URL}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
      });
      const response = await answer(withoutType(request, headers));
      return { status: response.status, headers: response.headers, text: await response.text() };
    },
    async close() {
      await service.close(0);
      await storage.close();
      expect(await containersOf(instanceId)).toEqual([]);
      removeFolder(folder);
    },
  };
});

/** With the `Content-Length` that a client would send along. */
async function toRequest(path: string, init: RequestInit = {}): Promise<Request> {
  const headers = new Headers(init.headers);
  if (typeof init.body === 'string') headers.set('Content-Length', String(Buffer.byteLength(init.body)));
  return new Request(new URL(path, BASE_URL), { ...init, headers });
}

/**
 * As a client sees it: an aborted call rejects at once, whatever the service does with it, and so does its body. By the caller's
 * own signal: a request's follows that one only for as long as somebody holds the request.
 */
async function abortable(
  request: Request,
  answer: ServeOptions['fetch'],
  signal = new AbortController().signal,
): Promise<Response> {
  const response = await new Promise<Response>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new DOMException('gone', 'AbortError')));
    Promise.resolve(answer(request)).then(resolve, reject);
  });
  return response.body === null ? response : new Response(cutBy(signal, response.body), response);
}

/** `pipeThrough` with a signal would wait for what it has read to be taken, and the reader who has gone takes nothing. */
function cutBy(signal: AbortSignal, body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        signal.addEventListener('abort', () => {
          controller.error(new DOMException('gone', 'AbortError'));
          void reader.cancel();
        });
      },
      async pull(controller) {
        const { done, value } = await reader.read();
        if (signal.aborted) return;
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => reader.cancel(),
    },
    { highWaterMark: 0 },
  );
}

/** `new Request` names a type for every text body; a raw request has only what it says. */
function withoutType(request: Request, headers: Readonly<Record<string, string>>): Request {
  if (!Object.keys(headers).some((name) => name.toLowerCase() === 'content-type'))
    request.headers.delete('content-type');
  return request;
}
