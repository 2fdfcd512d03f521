import { rename, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Folder, pathOf } from '../disk/folder.ts';

/** Who has, or is about to have, a storage folder. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** ISO 8601. */
  readonly since: string;
}

export interface Announcement extends Holder {
  /** `starting` until it's certain that nobody else has the folder. */
  readonly state: 'starting' | 'holding';
}

/** `gone`: nobody listens on that socket any more, and nobody ever will. `silent`: somebody does and doesn't answer. */
export type Reply = Announcement | 'gone' | 'silent';

const ANSWER_MS = 2000;
const MAX_ANSWER = 4096;
const ATTEMPTS = 10;
const BROKEN_MS = 20;
/** Bytes that a socket's path may have on Linux; a few less elsewhere. */
const MAX_SOCKET_PATH = 103;

/** Listens on a socket in the folder under a name that never comes again, and tells whoever connects what `tell` says. */
export async function announce(folder: Folder, name: string, tell: () => Announcement): Promise<Server> {
  const server = createServer((socket) => {
    // Whoever asks may be gone before the answer.
    socket.on('error', () => {});
    socket.end(`${JSON.stringify(tell())}\n`);
  });
  // Between bind and listen a socket refuses like one that was left behind; it gets its name when it answers.
  const early = socketPath(folder, `${name}.new`);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path: early }, resolve);
  });
  server.unref();
  await rename(early, socketPath(folder, name));
  return server;
}

export async function withdraw(server: Server, folder: Folder, name: string): Promise<void> {
  await unlink(socketPath(folder, name)).catch(() => {});
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}

/** Asks who listens on a socket. Whoever stops listening just then breaks the connection: it's asked again. */
export async function ask(folder: Folder, name: string): Promise<Reply> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const reply = await askOnce(socketPath(folder, name));
    if (reply !== 'broken') return reply;
    await sleep(BROKEN_MS);
  }
  return 'silent';
}

function askOnce(path: string): Promise<Reply | 'broken'> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ path });
    const finish = (reply: Reply | 'broken'): void => {
      socket.destroy();
      resolve(reply);
    };
    socket.setTimeout(ANSWER_MS, () => finish('silent'));
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      answer += text;
      if (answer.length > MAX_ANSWER) finish('silent');
    });
    socket.on('end', () => finish(parseAnswer(answer)));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      finish(error.code === 'ECONNREFUSED' || error.code === 'ENOENT' ? 'gone' : 'broken');
    });
  });
}

/** By the descriptor where there is `/proc`: the folder's own path may be longer than a socket's may be. */
function socketPath(folder: Folder, name: string): string {
  const path = Buffer.from(`${pathOf(folder)}/${name}`, 'latin1').toString('utf8');
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) return path;
  throw new Error(
    `${path} is too long for a socket: choose a storage path that is ${MAX_SOCKET_PATH} bytes long with it.`,
  );
}

function parseAnswer(text: string): Reply | 'broken' {
  try {
    const value: unknown = JSON.parse(text);
    return isAnnouncement(value) ? value : 'broken';
  } catch {
    return 'broken';
  }
}

function isAnnouncement(value: unknown): value is Announcement {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, host, since, state } = value as Record<string, unknown>;
  const isState = state === 'starting' || state === 'holding';
  return isState && typeof pid === 'number' && typeof host === 'string' && typeof since === 'string';
}
