import { Agent, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import type { TestEngine } from '../support/engine.ts';

/**
 * The yardstick: what one run costs when the engine's API is called directly, with nothing of ours in between. Create,
 * attach, start, wait, inspect, remove, over one unix socket with connections kept alive. Docker waits before the start,
 * Podman after it, looking every 5 ms.
 */
export interface RawEngine {
  /** Runs one container of this create body; resolves with the bytes of its output (frames included) and exit code. */
  run(createBody: unknown): Promise<{ readonly outputBytes: number; readonly exitCode: number }>;
  close(): void;
}

const DIALECTS = {
  docker: { prefix: '', waitFirst: true, wait: '/wait?condition=next-exit', remove: '?force=true&v=true' },
  podman: {
    prefix: '/v4.0.0/libpod',
    waitFirst: false,
    wait: '/wait?interval=5ms',
    remove: '?force=true&v=true&timeout=0',
  },
} as const;

export function createRawEngine({ name, socketPath }: TestEngine): RawEngine {
  const { prefix, waitFirst, wait, remove } = DIALECTS[name];
  const agent = new Agent({ keepAlive: true });
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await send({ socketPath, agent, method, path, body });
    const text = await readText(response);
    if ((response.statusCode ?? 500) >= 300)
      throw new Error(`${method} ${path}: ${response.statusCode} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  return {
    async run(createBody) {
      const created = (await call('POST', `${prefix}/containers/create`, createBody)) as { Id: string };
      const path = `${prefix}/containers/${created.Id}`;
      const { ended } = await attach(socketPath, path);
      const waited = waitFirst ? call('POST', path + wait) : undefined;
      await call('POST', `${path}/start`);
      await (waited ?? call('POST', path + wait));
      const outputBytes = await ended;
      const state = (await call('GET', `${path}/json`)) as { State: { ExitCode: number } };
      await call('DELETE', path + remove);
      return { outputBytes, exitCode: state.State.ExitCode };
    },
    close: () => agent.destroy(),
  };
}

interface Call {
  readonly socketPath: string;
  readonly agent: Agent;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

function send({ body, ...options }: Call): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const outgoing = request({ ...options, headers }, resolve);
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Resolves once attached, with a promise of the number of bytes that come until the stream ends. */
async function attach(socketPath: string, path: string): Promise<{ readonly ended: Promise<number> }> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    const outgoing = request({
      socketPath,
      method: 'POST',
      path: `${path}/attach?stream=1&stdout=1&stderr=1`,
      headers: { Connection: 'Upgrade', Upgrade: 'tcp' },
    });
    outgoing.on('upgrade', (_response, upgraded) => resolve(upgraded));
    outgoing.on('error', reject);
    outgoing.end();
  });
  const ended = new Promise<number>((resolve, reject) => {
    let total = 0;
    socket.on('data', (chunk: Buffer) => {
      total += chunk.length;
    });
    socket.on('end', () => resolve(total));
    socket.on('error', reject);
  });
  return { ended };
}
