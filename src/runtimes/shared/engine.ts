import type { Readable } from 'node:stream';
import { RuntimeError } from '../../core/container-runtime.ts';
import { answersPing } from './answers-ping.ts';
import { withDeadline } from './deadline.ts';
import { isAway } from './is-away.ts';

/** One engine behind a unix socket: requests with a deadline each, and errors in the contract's words. */
export interface Engine {
  /** Asks and reads the whole JSON answer; `undefined` when the answer has no body. */
  request(request: EngineRequest): Promise<unknown>;
  /** Asks and hands over the answer's stream, which the deadline no longer bounds: only the answer's head is waited for. */
  open(request: EngineRequest): Promise<Readable>;
  /** Whether somebody answers on a new connection now. Never rejects; takes two seconds at most. */
  takesConnections(): Promise<boolean>;
  readonly deadlineMs: number;
  readonly closed: boolean;
  close(): void;
}

export interface KnownEngine<Facts> extends Engine {
  /** Who the engine is; asked once for each connection. Rejects with `wrong_engine` when it's of another kind. */
  facts(): Promise<Facts>;
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
  /** Ends the request instead of the deadline, for what the engine answers only when something happens. */
  readonly until?: AbortSignal;
}

/** An engine's client, bound to one socket. */
export interface EngineLink {
  /** Resolves with the answer's stream once its head has come; rejects also for every answer that isn't a success. */
  send(request: EngineRequest, signal: AbortSignal): Promise<Readable>;
  /** Lets go what isn't in use; requests under way go on. */
  dropIdle(): void;
  destroy(): void;
}

export interface EngineOptions<Facts> {
  /** Asked at the first request and again after each connection that failed: the engine may come, go, or move meanwhile. */
  readonly findSocket: () => Promise<string>;
  readonly deadlineMs: number;
  readonly linkTo: (socketPath: string) => EngineLink;
  readonly readFacts: (engine: Engine) => Promise<Facts>;
  readonly translate: (cause: unknown, what: string) => RuntimeError;
}

interface Connection<Facts> {
  readonly link: EngineLink;
  facts: Promise<Facts> | undefined;
}

type Connecting<Facts> = Promise<Connection<Facts>>;

/** The one connection there is now. */
interface Connector<Facts> {
  current(): Connecting<Facts>;
  /** This connection failed: the next call looks for the engine anew. Without one: whichever there is. */
  forget(failed?: Connecting<Facts>): void;
  destroy(): void;
}

function createConnector<Facts>({ findSocket, linkTo }: EngineOptions<Facts>): Connector<Facts> {
  let connection: Connecting<Facts> | undefined;
  const forget = (failed = connection): void => {
    if (failed === undefined || failed !== connection) return;
    connection = undefined;
    failed.then(({ link }) => link.dropIdle()).catch(() => {});
  };
  return {
    current() {
      if (connection === undefined) {
        const attempt = findSocket().then((path) => ({ link: linkTo(path), facts: undefined }));
        connection = attempt;
        // A failure isn't kept, whatever its kind: the next call looks again.
        attempt.catch(() => forget(attempt));
      }
      return connection;
    },
    forget,
    destroy() {
      connection?.then(({ link }) => link.destroy()).catch(() => {});
    },
  };
}

/** Connects when it's first asked for something, and anew after each connection that failed. */
export function createEngine<Facts>(options: EngineOptions<Facts>): KnownEngine<Facts> {
  const { deadlineMs, translate } = options;
  const streams = new Set<Readable>();
  const closing = new AbortController();
  const connector = createConnector(options);

  const bounded = <T>(request: EngineRequest, call: (signal: AbortSignal) => Promise<T>): Promise<T> =>
    request.until === undefined
      ? withDeadline(request.what, deadlineMs, call)
      : call(AbortSignal.any([request.until, closing.signal]));

  const exchange = async <T>(request: EngineRequest, use: (answer: Readable) => Promise<T>): Promise<T> => {
    if (closing.signal.aborted)
      throw new RuntimeError('unavailable', `${request.what}: the runtime was closed`);
    let used: Connecting<Facts> | undefined;
    try {
      return await bounded(request, async (signal) => {
        used = connector.current();
        return await use(await (await used).link.send(request, signal));
      });
    } catch (cause) {
      const error = translate(cause, request.what);
      const gaveUp = request.until?.aborted === true;
      if (!gaveUp && (isAway(error) || error.code === 'permission_denied')) connector.forget(used);
      throw error;
    }
  };

  const engine: KnownEngine<Facts> = {
    deadlineMs,
    get closed() {
      return closing.signal.aborted;
    },
    request: (request) => exchange(request, readJson),
    open: (request) =>
      exchange(request, async (answer) => {
        streams.add(answer);
        answer.once('close', () => streams.delete(answer));
        return answer;
      }),
    takesConnections: () => options.findSocket().then(answersPing, () => false),
    async facts() {
      const connection = await withDeadline('find the engine', deadlineMs, connector.current).catch(
        (cause: unknown) => {
          connector.forget();
          throw translate(cause, 'find the engine');
        },
      );
      connection.facts ??= options.readFacts(engine).catch((error: unknown) => {
        // Whatever answered wasn't it; the next call looks for the engine anew.
        connector.forget();
        throw error;
      });
      return await connection.facts;
    },
    close() {
      closing.abort(new RuntimeError('unavailable', 'the runtime was closed'));
      for (const stream of streams) stream.destroy();
      connector.destroy();
    },
  };
  return engine;
}

async function readJson(answer: Readable): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8').trim();
  return text === '' ? undefined : JSON.parse(text);
}
