import type { Readable } from 'node:stream';
// The npm alias: Bun answers the bare name with a shim of its own that ignores sockets.
import { type Dispatcher, Pool } from 'undici-real';
import { createEngine, type EngineLink, type EngineRequest, type KnownEngine } from '../shared/engine.ts';
import { fromEngineError, PodmanAnswerError } from './from-engine-error.ts';
import { type PodmanFacts, readFacts } from './info.ts';
import { negotiateVersion } from './negotiate-version.ts';

/** A Podman engine by its own REST interface; connects to nothing before it's asked for something. */
export function createPodmanEngine(options: {
  readonly findSocket: () => Promise<string>;
  readonly deadlineMs: number;
}): KnownEngine<PodmanFacts> {
  return createEngine({ ...options, linkTo, readFacts, translate: fromEngineError });
}

/** The name is for the `Host` header alone. */
const ORIGIN = 'http://podman';

function linkTo(socketPath: string): EngineLink {
  // Each call has its own deadline or is ended by its caller; undici's would end a program that is silent for long.
  const pool = new Pool(ORIGIN, { connect: { socketPath }, headersTimeout: 0, bodyTimeout: 0 });
  let prefix: Promise<string> | undefined;

  const findPrefix = (signal: AbortSignal): Promise<string> => {
    if (prefix === undefined) {
      const attempt = ping(pool, signal).then((version) => `/v${version}/libpod`);
      prefix = attempt;
      attempt.catch(() => {
        if (prefix === attempt) prefix = undefined;
      });
    }
    return prefix;
  };

  return {
    async send(request, signal) {
      const path = (await findPrefix(signal)) + toPath(request);
      return request.hijack === true ? upgrade(pool, path, signal) : call(pool, path, request, signal);
    },
    // Idle connections cost nothing and end by themselves after four seconds.
    dropIdle: () => {},
    destroy: () => void pool.destroy().catch(() => {}),
  };
}

function toPath({ path, query = {} }: EngineRequest): string {
  const search = new URLSearchParams(query).toString();
  return search === '' ? path : `${path}?${search}`;
}

async function ping(pool: Pool, signal: AbortSignal): Promise<string> {
  const { headers, body } = await pool.request({
    method: 'GET',
    path: '/libpod/_ping',
    signal,
  });
  await body.dump();
  return negotiateVersion(headers['libpod-api-version']);
}

async function call(
  pool: Pool,
  path: string,
  { method, body }: EngineRequest,
  signal: AbortSignal,
): Promise<Readable> {
  const options: Dispatcher.RequestOptions = {
    method,
    path,
    signal,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  };
  const answer = await pool.request(options);
  // Whoever reads is told of a broken connection; while nobody reads, an unheard `error` would end the process.
  answer.body.on('error', () => {});
  if (answer.statusCode >= 200 && answer.statusCode < 300) return answer.body;
  throw new PodmanAnswerError(answer.statusCode, await answer.body.text());
}

async function upgrade(pool: Pool, path: string, signal: AbortSignal): Promise<Readable> {
  const { socket } = await pool.upgrade({ method: 'POST', path, protocol: 'tcp', signal });
  socket.on('error', () => {});
  return socket;
}
