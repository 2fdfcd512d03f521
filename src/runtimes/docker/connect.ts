import { Agent } from 'node:http';
import type { Readable } from 'node:stream';
import Dockerode from 'dockerode';
import { RuntimeError } from '../../core/container-runtime.ts';
import { withDeadline } from '../shared/deadline.ts';
import { fromEngineError } from './from-engine-error.ts';
import { type EngineFacts, readFacts } from './info.ts';

/** One engine behind a unix socket: requests with a deadline each, and errors in the contract's words. */
export interface Engine {
  /** Asks and reads the whole JSON answer; `undefined` when the answer has no body. */
  request(request: EngineRequest): Promise<unknown>;
  /** Asks and hands over the answer's stream, which the deadline no longer bounds: only the answer's head is waited for. */
  open(request: EngineRequest): Promise<Readable>;
  /** Who the engine is; asked once for each connection. Rejects with `wrong_engine` when it isn't Docker. */
  facts(): Promise<EngineFacts>;
  readonly deadlineMs: number;
  readonly closed: boolean;
  close(): void;
}

export interface EngineRequest {
  /** For error messages: what was asked. */
  readonly what: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Take the connection over and read raw bytes from it. */
  readonly hijack?: boolean;
}

interface Connection {
  readonly docker: Dockerode;
  readonly agent: Agent;
  facts: Promise<EngineFacts> | undefined;
}

const SUCCESS = { 200: true, 201: true, 204: true };

/**
 * `findSocket` is asked at the first request and again after each connection that failed, so the engine may come,
 * go, or move to another socket while the service runs.
 */
export function createEngine(options: {
  readonly findSocket: () => Promise<string>;
  readonly deadlineMs: number;
}): Engine {
  const { deadlineMs } = options;
  const streams = new Set<Readable>();
  let connection: Promise<Connection> | undefined;
  let closed = false;

  const connected = (): Promise<Connection> => {
    if (connection === undefined) {
      const attempt = options.findSocket().then(connectTo);
      connection = attempt;
      // A failure isn't kept, whatever its kind: the next call looks again.
      attempt.catch(() => {
        if (connection === attempt) connection = undefined;
      });
    }
    return connection;
  };

  const forget = (failed: Promise<Connection> | undefined): void => {
    if (failed === undefined || failed !== connection) return;
    connection = undefined;
    failed.then(({ agent }) => dropIdleSockets(agent)).catch(() => {});
  };

  const exchange = async <T>(request: EngineRequest, use: (answer: Readable) => Promise<T>): Promise<T> => {
    if (closed) throw new RuntimeError('unavailable', `${request.what}: the runtime was closed`);
    let used: Promise<Connection> | undefined;
    try {
      return await withDeadline(request.what, deadlineMs, async (signal) => {
        used = connected();
        return await use(await dial((await used).docker, request, signal));
      });
    } catch (cause) {
      const error = fromEngineError(cause, request.what);
      if (error.code === 'unavailable' || error.code === 'permission_denied') forget(used ?? connection);
      throw error;
    }
  };

  const engine: Engine = {
    deadlineMs,
    get closed() {
      return closed;
    },
    request: (request) => exchange(request, readJson),
    open: (request) =>
      exchange(request, async (answer) => {
        streams.add(answer);
        answer.once('close', () => streams.delete(answer));
        return answer;
      }),
    async facts() {
      const current = await withDeadline('find the engine', deadlineMs, connected).catch((cause: unknown) => {
        connection = undefined;
        throw fromEngineError(cause, 'find the engine');
      });
      current.facts ??= readFacts(engine).catch((error: unknown) => {
        // Whatever answered wasn't it; the next call looks for the engine anew.
        connection = undefined;
        throw error;
      });
      return await current.facts;
    },
    close() {
      closed = true;
      for (const stream of streams) stream.destroy();
      connection?.then(({ agent }) => agent.destroy()).catch(() => {});
    },
  };
  return engine;
}

function connectTo(socketPath: string): Connection {
  const agent = new Agent({ keepAlive: true, scheduling: 'lifo' });
  // `host` and the rest are named because docker-modem otherwise takes them from the environment and leaves the socket.
  const options = {
    socketPath,
    host: undefined,
    port: undefined,
    protocol: 'http' as const,
    headers: {},
    agent,
  };
  return { docker: new Dockerode(options), agent, facts: undefined };
}

/**
 * Requests go through `dial` and not through dockerode's verbs: its `createContainer` drops the engine's warnings and
 * repeats the body in the URL, and no verb ever settles when the connection breaks within an answer.
 */
function dial(docker: Dockerode, request: EngineRequest, signal: AbortSignal): Promise<Readable> {
  return new Promise((resolve, reject) => {
    const query = { ...request.query };
    docker.modem.dial(
      {
        method: request.method,
        path: `${request.path}?`,
        // A hijacked request without a body would be sent chunked.
        options: { _query: query, _body: request.body ?? (request.hijack === true ? query : {}) },
        isStream: true,
        hijack: request.hijack === true,
        statusCodes: SUCCESS,
        abortSignal: signal,
      },
      (error, answer) => {
        if (error !== null && error !== undefined) return reject(error);
        const stream = answer as Readable;
        // Whoever reads is told of a broken connection; while nobody reads, an unheard `error` would end the process.
        stream.on('error', () => {});
        if (signal.aborted) stream.destroy();
        resolve(stream);
      },
    );
  });
}

async function readJson(answer: Readable): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8').trim();
  return text === '' ? undefined : JSON.parse(text);
}

function dropIdleSockets(agent: Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) socket.destroy();
  }
}
