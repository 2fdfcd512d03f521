import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { containersOf, DOCKER, rememberEngine, settingsFor, type TestEngine } from './engine.ts';
import { instanceIdOf } from './instance-id.ts';
import { makeTemporaryFolder, removeFolder } from './temporary-folder.ts';

const ENTRY = fileURLToPath(new URL('../../src/index.ts', import.meta.url));
const BUN = fileURLToPath(new URL('../../node_modules/.bin/bun', import.meta.url));

const COMMANDS = {
  node: [process.execPath, '--import', import.meta.resolve('tsx')],
  bun: [BUN, 'run'],
} as const;

export interface ServiceOptions {
  readonly on?: keyof typeof COMMANDS;
  /** Another tree's `src/index.ts`. */
  readonly entry?: string;
  /** Which engine it uses; Docker when absent. */
  readonly engine?: TestEngine;
  readonly env?: Readonly<Record<string, string>>;
  /** Absent: a new folder of its own, removed at the end. */
  readonly storageRoot?: string;
  /** Who runs it, and in front of the command what becomes that user. */
  readonly as?: { readonly prefix: readonly string[]; readonly home: string };
  /** Whether it's waited for until a job can run; absent: it is. */
  readonly awaitsReady?: false;
  /** How long it may take until it's ready. */
  readonly readyWithinMs?: number;
}

export interface RunningService {
  readonly url: string;
  readonly storageRoot: string;
  readonly instanceId: string;
  readonly child: ChildProcess;
  /** All that it has written to stdout and stderr. */
  log(): string;
  /** Settles with the exit code, or 128+n after a signal. */
  readonly ended: Promise<number>;
  /** SIGTERM; it must end with 0 and leave no container. */
  stop(): Promise<void>;
  /** SIGKILL, as if the machine's power had gone for it alone. */
  kill(): Promise<void>;
}

/** Starts the real service as a child process on a free port and waits until it's ready. */
export async function startServiceProcess(options: ServiceOptions = {}): Promise<RunningService> {
  const own = options.storageRoot === undefined ? makeTemporaryFolder('storage') : undefined;
  const storageRoot = options.storageRoot ?? join(own ?? '', 'storage');
  const service = launchService({ ...options, storageRoot });
  try {
    const url = await service.listening;
    if (options.awaitsReady !== false) await waitUntilReady(url, options.readyWithinMs ?? 30_000);
    const instanceId = instanceIdOf(storageRoot);
    rememberEngine(instanceId, options.engine ?? DOCKER);
    return {
      ...service,
      url,
      storageRoot,
      instanceId,
      async stop() {
        service.child.kill('SIGTERM');
        expect(await service.ended, service.log()).toBe(0);
        expect(await containersOf(instanceId)).toEqual([]);
        if (own !== undefined) removeFolder(own);
      },
      async kill() {
        service.child.kill('SIGKILL');
        await service.ended;
      },
    };
  } catch (error) {
    service.child.kill('SIGKILL');
    await service.ended;
    if (own !== undefined) removeFolder(own);
    throw new Error(`the service did not start:\n${service.log()}`, { cause: error });
  }
}

export interface LaunchedService {
  readonly child: ChildProcess;
  /** The URL that its log names; rejects when it ends before. */
  readonly listening: Promise<string>;
  readonly ended: Promise<number>;
  log(): string;
}

/** Starts the process and waits for nothing. */
export function launchService(options: ServiceOptions & { readonly storageRoot: string }): LaunchedService {
  const { on = 'node', entry = ENTRY, as, engine = DOCKER } = options;
  const cwd = makeTemporaryFolder('cwd');
  const [command = '', ...args] = [...(as?.prefix ?? []), ...COMMANDS[on], entry];
  const env = {
    ...baseEnv(as?.home),
    ...settingsFor(engine),
    AA_STORAGE_PATH: options.storageRoot,
    PORT: '0',
    ...options.env,
  };
  const settings: SpawnOptions = {
    cwd: as === undefined ? cwd : as.home,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  };
  const child = spawn(command, args, settings);
  let log = '';
  const ended = new Promise<number>((resolve) => {
    child.once('error', (error) => {
      log += String(error);
      resolve(127);
    });
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal === 'SIGKILL' ? 9 : 15)));
  }).finally(() => removeFolder(cwd));
  const listening = new Promise<string>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      log += chunk.toString();
      const url = /"url":"(http:[^"]+)"/.exec(log)?.[1];
      if (url !== undefined) resolve(url);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    ended.then((code) => reject(new Error(`it ended with ${code}:\n${log}`)));
  });
  listening.catch(() => {});
  return { child, listening, ended, log: () => log };
}

/** Nothing of the tester's own settings but where the image is. */
function baseEnv(home: string | undefined): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'AA_WORKER_IMAGE', 'AA_ALLOW_UNENFORCED'];
  const kept = names.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(kept), ...(home === undefined ? {} : { HOME: home }) };
}

async function waitUntilReady(url: string, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  for (;;) {
    const response = await fetch(`${url}/readyz`);
    const text = await response.text();
    if (response.ok) return;
    if (performance.now() > end) throw new Error(`not ready after ${withinMs} ms: ${text}`);
    await sleep(100);
  }
}

/** A folder for several services that outlives each of them. */
export function makeStorageRoot(): string {
  const folder = makeTemporaryFolder('storage');
  mkdirSync(folder, { recursive: true });
  return folder;
}
