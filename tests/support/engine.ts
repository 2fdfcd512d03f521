import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { LABELS } from '../../src/core/sandboxes.ts';

const SOCKET = (process.env.DOCKER_SOCKET_PATH ?? '/var/run/docker.sock').replace(/^unix:\/\//, '');

/** A container as the engine's own list tells it. */
export interface EngineContainer {
  readonly Id: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly State: string;
}

/** The engine asked past everything of ours: what a test believes of leftovers must not come from what it tests. */
export function callEngine(method: string, path: string, body?: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const call = request({ socketPath: SOCKET, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if ((response.statusCode ?? 500) >= 400)
          return reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
        resolve(text === '' ? undefined : JSON.parse(text));
      });
    });
    call.setTimeout(15_000, () => call.destroy(new Error('the engine does not answer')));
    call.on('error', reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Containers, running or not, of one supervisor. */
export async function containersOf(instanceId: string): Promise<readonly EngineContainer[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`${LABELS.instance}=${instanceId}`] }));
  return (await callEngine('GET', `/containers/json?all=true&filters=${filters}`)) as EngineContainer[];
}

/** Waits until a supervisor has exactly `count` running containers (or none at all for 0); throws when it takes longer. */
export async function waitForContainers(instanceId: string, count: number, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  for (;;) {
    const all = await containersOf(instanceId);
    const counted = count === 0 ? all.length : all.filter(({ State }) => State === 'running').length;
    if (counted === count) return;
    if (performance.now() > end)
      throw new Error(`${counted} containers after ${withinMs} ms instead of ${count}`);
    await sleep(50);
  }
}
