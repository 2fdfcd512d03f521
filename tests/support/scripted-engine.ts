import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type AnswerState, healthyAnswer, isPodman } from './scripted-answers.ts';

/** What the engine does with one request: answer, stay silent, or drop the connection. */
export type Reply =
  | { readonly status: number; readonly body?: unknown }
  | 'silence'
  | 'reset'
  /** Sends the head and a part of the body, then drops the connection. */
  | 'torn';

export { CONTAINER_ID } from './scripted-answers.ts';

/**
 * A Docker engine, or a Podman when that is among its components, with one container, on a unix socket of its own, that misbehaves as a test tells it to.
 * What isn't scripted is answered as a healthy engine would.
 */
export interface ScriptedEngine {
  readonly socketPath: string;
  /** `METHOD /path` of every request so far, without queries and without the version of Podman's interface. */
  readonly requests: readonly string[];
  /** The same, as they were sent. */
  readonly targets: readonly string[];
  /** Replies for the next requests of this route (`POST /containers/create`; an id in the path is written `*`), in order. */
  script(route: string, ...replies: readonly Reply[]): void;
  /** Writes one frame to whoever is attached. */
  frame(kind: number, content: string): void;
  /** Writes these bytes, which need not be whole frames, to whoever is attached. */
  raw(bytes: Uint8Array): void;
  /** Breaks the attached connections while the container runs on. */
  cutAttach(): void;
  /** Ends the attached connections as a program does that closes its output and runs on. */
  endOutput(): void;
  /** Answers all pending waits, whatever the container does. */
  answerWaits(statusCode: number): void;
  /** Breaks all pending waits. */
  cutWaits(): void;
  /** The program ends: the record says so, output ends, waits are answered. */
  exit(exitCode: number, changes?: Readonly<Record<string, unknown>>): void;
  /** Stops listening and breaks every connection. */
  die(): Promise<void>;
  /** Listens again on the same socket. */
  revive(): Promise<void>;
  close(): Promise<void>;
}

export interface ScriptedEngineOptions {
  readonly components?: readonly string[];
  readonly warnings?: readonly string[];
  /** Of Podman's interface; 5.2.0 when absent. */
  readonly libpodVersion?: string;
  /** Parts of what Podman's info says of its host. */
  readonly host?: Readonly<Record<string, unknown>>;
}

export async function startScriptedEngine(options: ScriptedEngineOptions = {}): Promise<ScriptedEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'scripted-engine-'));
  const world: World = {
    options,
    socketPath: join(folder, 'docker.sock'),
    scripts: new Map(),
    requests: [],
    targets: [],
    sockets: new Set(),
    attached: new Set(),
    waits: new Set(),
    state: { Status: 'created', ExitCode: 0, OOMKilled: false },
  };
  let server: Server | undefined = await listen(world);

  const die = async (): Promise<void> => {
    const dying = server;
    server = undefined;
    for (const socket of world.sockets) socket.destroy();
    if (dying !== undefined) await new Promise<void>((resolve) => dying.close(() => resolve()));
  };
  const answerWaits = (statusCode: number): void => {
    for (const response of world.waits)
      response.end(isPodman(world) ? String(statusCode) : JSON.stringify({ StatusCode: statusCode }));
    world.waits.clear();
  };
  const raw = (bytes: Uint8Array): void => {
    for (const socket of world.attached) socket.write(bytes);
  };

  return {
    socketPath: world.socketPath,
    requests: world.requests,
    targets: world.targets,
    script: (route, ...replies) => {
      world.scripts.set(route, [...(world.scripts.get(route) ?? []), ...replies]);
    },
    frame: (kind, content) => raw(toFrame(kind, Buffer.from(content))),
    raw,
    cutAttach: () => {
      for (const socket of world.attached) socket.destroy();
    },
    endOutput: () => {
      for (const socket of world.attached) socket.end();
    },
    answerWaits,
    cutWaits: () => {
      for (const response of world.waits) response.destroy();
    },
    exit(exitCode, changes = {}) {
      const FinishedAt = new Date().toISOString();
      world.state = { ...world.state, Status: 'exited', ExitCode: exitCode, FinishedAt, ...changes };
      for (const socket of world.attached) socket.end();
      answerWaits(exitCode);
    },
    die,
    revive: async () => {
      server ??= await listen(world);
    },
    async close() {
      await die();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface World extends AnswerState {
  readonly options: ScriptedEngineOptions;
  readonly socketPath: string;
  readonly scripts: Map<string, Reply[]>;
  readonly requests: string[];
  readonly targets: string[];
  readonly sockets: Set<Socket>;
  readonly attached: Set<Duplex>;
  readonly waits: Set<ServerResponse>;
}

async function listen(world: World): Promise<Server> {
  const server = createServer((request, response) => answer(world, request, response));
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => answerUpgrade(world, request, socket));
  server.on('connection', (socket: Socket) => {
    world.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => world.sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(world.socketPath, resolve));
  return server;
}

function answer(world: World, request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const { route, reply } = nextReply(world, request);
  if (reply === undefined) answerHealthily(world, route, response);
  else if (reply === 'reset') request.socket.destroy();
  else if (reply === 'torn') {
    response.writeHead(200, { 'Content-Length': '1000' });
    response.write('{"Id":', () => request.socket.destroy());
  } else if (reply !== 'silence') send(response, reply.status, reply.body);
}

function answerUpgrade(world: World, request: IncomingMessage, socket: Duplex): void {
  const { reply } = nextReply(world, request);
  socket.on('error', () => {});
  socket.resume();
  if (reply === 'silence') return;
  if (reply === undefined) {
    socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
    world.attached.add(socket);
    socket.on('close', () => world.attached.delete(socket));
  } else if (typeof reply === 'object') {
    socket.end(`HTTP/1.1 ${reply.status} No\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`);
  } else socket.destroy();
}

function nextReply(world: World, request: IncomingMessage): { route: string; reply: Reply | undefined } {
  const route = routeOf(request);
  world.requests.push(route);
  world.targets.push(`${request.method} ${request.url}`);
  return { route, reply: world.scripts.get(route)?.shift() };
}

function answerHealthily(world: World, route: string, response: ServerResponse): void {
  if (route === 'POST /containers/*/wait') {
    // Docker's head comes once it watches, Podman's with the answer, which is there at once when the container has ended.
    if (isPodman(world)) {
      if (world.state.Status === 'exited') {
        send(response, 200, world.state.ExitCode);
        return;
      }
    } else {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.flushHeaders();
    }
    world.waits.add(response);
    response.on('close', () => world.waits.delete(response));
    return;
  }
  const [status, body, headers] = healthyAnswer(world, route);
  send(response, status, body, headers);
}

/** One frame of the engines' multiplexed output. */
export function toFrame(kind: number, content: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header[0] = kind;
  header.writeUInt32BE(content.length, 4);
  return Buffer.concat([header, content]);
}

function routeOf(request: IncomingMessage): string {
  const path = (request.url ?? '').replace(/\?.*$/, '').replace(/^\/v[\d.]+\/libpod/, '');
  const generic = path
    .replace(/^\/images\/.+\/json$/, '/images/*/json')
    .replace(/^\/containers\/(?!create$|json$)[^/]+/, '/containers/*');
  return `${request.method} ${generic}`;
}

function send(
  response: ServerResponse,
  status: number,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(body === undefined || status === 204 || status === 304 ? undefined : JSON.stringify(body));
}
