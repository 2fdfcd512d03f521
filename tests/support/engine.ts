import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { LABELS } from '../../src/core/sandboxes.ts';
import { titleOf } from './skips.ts';

/** A real engine that tests run on. */
export interface TestEngine {
  readonly name: 'docker' | 'podman';
  readonly socketPath: string;
  /** Why this engine's tests can't run here; `undefined` when they can. */
  readonly obstacle?: string;
}

const withoutScheme = (path: string): string => path.replace(/^unix:\/\//, '');

export const DOCKER: TestEngine = {
  name: 'docker',
  socketPath: withoutScheme(
    process.env.AA_TEST_DOCKER_SOCKET ?? process.env.DOCKER_SOCKET_PATH ?? '/var/run/docker.sock',
  ),
};

export const PODMAN: TestEngine = {
  name: 'podman',
  socketPath: withoutScheme(process.env.AA_TEST_PODMAN_SOCKET ?? '/run/podman/podman.sock'),
  ...(process.env.AA_TEST_PODMAN_SOCKET === undefined
    ? {
        obstacle:
          '`npm test` starts a Podman for the tests on Debian and Ubuntu; else name one in AA_TEST_PODMAN_SOCKET',
      }
    : {}),
};

/** Which engine a supervisor's containers are on; Docker where nobody has said. */
const engineOf = new Map<string, TestEngine>();

export function rememberEngine(instanceId: string, engine: TestEngine): void {
  engineOf.set(instanceId, engine);
}

/** The settings by which a service uses this engine and no other. */
export function settingsFor({ name, socketPath }: TestEngine): Readonly<Record<string, string>> {
  return { AA_RUNTIME: name, DOCKER_SOCKET_PATH: socketPath };
}

/** Both engines call a volume that nobody named by 64 hex digits. Others are somebody else's on a machine that isn't ours alone. */
export function isAnonymousVolume(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}

/** The title of tests on an engine, with the reason when they're skipped. A machine of CI must not skip them. */
export function titleFor(title: string, { obstacle }: Pick<TestEngine, 'obstacle'>): string {
  return titleOf(title, obstacle);
}

/** A container as the engine's own list tells it. */
export interface EngineContainer {
  readonly Id: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly State: string;
}

/** The engine asked past everything of ours: what a test believes of leftovers must not come from what it tests. */
export function callEngine(
  { socketPath }: TestEngine,
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const call = request({ socketPath, method, path, headers }, (response) => {
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

/** Containers, running or not, of one supervisor. Both engines answer this route alike. */
export async function containersOf(instanceId: string): Promise<readonly EngineContainer[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`${LABELS.instance}=${instanceId}`] }));
  const engine = engineOf.get(instanceId) ?? DOCKER;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await callEngine(
        engine,
        'GET',
        `/containers/json?all=true&filters=${filters}`,
      )) as EngineContainer[];
    } catch (error) {
      // Podman fails to list at all when a container ends while it looks at it.
      if (attempt === 5 || !/no such (process|container)/.test(String(error))) throw error;
      await sleep(20);
    }
  }
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
