import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';

/** What the engine does with one request: answer, stay silent, or drop the connection. */
export type Reply =
  | { readonly status: number; readonly body?: unknown }
  | 'silence'
  | 'reset'
  /** Sends the head and a part of the body, then drops the connection. */
  | 'torn';

export const CONTAINER_ID = 'c'.repeat(64);

/**
 * A Docker engine with one container, on a unix socket of its own, that misbehaves as a test tells it to.
 * What isn't scripted is answered as a healthy engine would.
 */
export interface ScriptedEngine {
  readonly socketPath: string;
  /** `METHOD /path` of every request so far, without queries. */
  readonly requests: readonly string[];
  /** Replies for the next requests of this route (`POST /containers/create`; an id in the path is written `*`), in order. */
  script(route: string, ...replies: readonly Reply[]): void;
  /** Writes one frame to whoever is attached. */
  frame(kind: number, content: string): void;
  /** Writes these bytes, which need not be whole frames, to whoever is attached. */
  raw(bytes: Uint8Array): void;
  /** Breaks the attached connections while the container runs on. */
  cutAttach(): void;
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
}

export async function startScriptedEngine(options: ScriptedEngineOptions = {}): Promise<ScriptedEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'scripted-engine-'));
  const world: World = {
    options,
    socketPath: join(folder, 'docker.sock'),
    scripts: new Map(),
    requests: [],
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
    for (const response of world.waits) response.end(JSON.stringify({ StatusCode: statusCode }));
    world.waits.clear();
  };
  const raw = (bytes: Uint8Array): void => {
    for (const socket of world.attached) socket.write(bytes);
  };

  return {
    socketPath: world.socketPath,
    requests: world.requests,
    script: (route, ...replies) => {
      world.scripts.set(route, [...(world.scripts.get(route) ?? []), ...replies]);
    },
    frame: (kind, content) => raw(toFrame(kind, Buffer.from(content))),
    raw,
    cutAttach: () => {
      for (const socket of world.attached) socket.destroy();
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

interface World {
  readonly options: ScriptedEngineOptions;
  readonly socketPath: string;
  readonly scripts: Map<string, Reply[]>;
  readonly requests: string[];
  readonly sockets: Set<Socket>;
  readonly attached: Set<Duplex>;
  readonly waits: Set<ServerResponse>;
  state: Record<string, unknown>;
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
  return { route, reply: world.scripts.get(route)?.shift() };
}

function answerHealthily(world: World, route: string, response: ServerResponse): void {
  if (route === 'POST /containers/*/wait') {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.flushHeaders();
    world.waits.add(response);
    response.on('close', () => world.waits.delete(response));
    return;
  }
  const [status, body] = healthyAnswer(world, route);
  send(response, status, body);
}

function healthyAnswer(world: World, route: string): readonly [status: number, body?: unknown] {
  switch (route) {
    case 'GET /version': {
      const Components = (world.options.components ?? ['Engine']).map((Name) => ({ Name }));
      return [200, { Version: '99.0', ApiVersion: '1.41', Arch: 'amd64', Components }];
    }
    case 'GET /info':
      return [200, HEALTHY_INFO];
    case 'GET /images/*/json':
      return [200, { Id: `sha256:${'a'.repeat(64)}`, Config: {} }];
    case 'GET /containers/json':
      return [200, []];
    case 'POST /containers/create':
      return [201, { Id: CONTAINER_ID, Warnings: world.options.warnings ?? [] }];
    case 'POST /containers/*/start':
      world.state = { ...world.state, Status: 'running', StartedAt: new Date().toISOString() };
      return [204];
    case 'GET /containers/*/json':
      return [200, { Id: CONTAINER_ID, State: world.state, Config: { Labels: {} } }];
    case 'POST /containers/*/kill':
    case 'DELETE /containers/*':
      return [204];
    default:
      return [404, { message: 'page not found' }];
  }
}

/** One frame of the engines' multiplexed output. */
export function toFrame(kind: number, content: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header[0] = kind;
  header.writeUInt32BE(content.length, 4);
  return Buffer.concat([header, content]);
}

const HEALTHY_INFO = {
  Architecture: 'x86_64',
  KernelVersion: '6.1',
  CgroupVersion: '2',
  SecurityOptions: ['name=seccomp,profile=default', 'name=cgroupns'],
  Runtimes: { runc: {} },
  DefaultRuntime: 'runc',
  CpuCfsPeriod: true,
  CpuCfsQuota: true,
  MemoryLimit: true,
  SwapLimit: true,
  PidsLimit: true,
};

function routeOf(request: IncomingMessage): string {
  const path = (request.url ?? '').replace(/\?.*$/, '');
  const generic = path
    .replace(/^\/images\/.+\/json$/, '/images/*/json')
    .replace(/^\/containers\/(?!create$|json$)[^/]+/, '/containers/*');
  return `${request.method} ${generic}`;
}

function send(response: ServerResponse, status: number, body?: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(body === undefined || status === 204 || status === 304 ? undefined : JSON.stringify(body));
}
