import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import type { App, AppDependencies } from '../../src/core/http/context.ts';
import type { Supervisor } from '../../src/core/supervisor.ts';
import {
  createFakeRuntime,
  type FakeRuntime,
  type FakeStep,
  interpret,
} from '../../src/runtimes/fake/index.ts';
import { createStorage, type Storage } from '../../src/storage/index.ts';
import { APP_BASE, type AppOptions, type BuiltApp, buildApp } from './build-app.ts';
import { makeTemporaryFolder, removeFolder } from './temporary-folder.ts';

/** An application on the fake engine, whose programs are steps given as the last of `args`. */
export interface AppFixture {
  readonly storageRoot: string;
  readonly storage: Storage;
  readonly fake: FakeRuntime;
  readonly app: App;
  readonly supervisor: Supervisor;
  /** Closes what was interrupted, as the service does when no container is left. */
  close(): Promise<void>;
  /** What the application was built on. */
  readonly deps: AppDependencies;
  /** Cancels what runs and starts the application anew on the same storage. */
  restart(options?: AppOptions): Promise<void>;
  /** Starts the application with other options, before anything ran. */
  open(options: AppOptions): Promise<void>;
  request(path: string, init?: RequestInit): Promise<Response>;
  run(steps: readonly FakeStep[], options?: RunOptions): Promise<Response>;
}

export interface RunOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
}

/** Registers the hooks of a test file; a test that leaves a container or a queue place behind fails. */
export function useApp(defaults: AppOptions = {}): AppFixture {
  let root = '';
  let storage: Storage;
  let fake: FakeRuntime;
  let built: BuiltApp;

  const open = async (options: AppOptions): Promise<void> => {
    built = await buildApp(storage, fake, { ...defaults, ...options });
  };

  beforeEach(async () => {
    root = makeTemporaryFolder('app');
    storage = await createStorage({ root: join(root, 'storage') });
    fake = createFakeRuntime({
      program: (process) =>
        interpret({ ...process, spec: { ...process.spec, args: toFake(process.spec.args) } }),
    });
    await open({});
  });
  afterEach(async () => {
    await built.supervisor.close(0);
    await storage.close();
    removeFolder(root);
    expect(fake.specs()).toEqual([]);
  });

  const request = async (path: string, init?: RequestInit): Promise<Response> =>
    built.app.request(`${APP_BASE}${path}`, init);

  return {
    get storageRoot() {
      return join(root, 'storage');
    },
    get storage() {
      return storage;
    },
    get fake() {
      return fake;
    },
    get app() {
      return built.app;
    },
    get supervisor() {
      return built.supervisor;
    },
    get deps() {
      return built.deps;
    },
    close: () => built.closer.close(new AbortController().signal),
    async restart(options = {}) {
      await built.supervisor.close(0);
      await open(options);
    },
    open,
    request,
    run(steps, { headers = {}, fields = {}, signal } = {}) {
      const body = {
        sessionId: 's',
        language: 'bash',
        code: 'true',
        args: [JSON.stringify(steps)],
        ...fields,
      };
      return request('/run', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify(body),
        ...(signal === undefined ? {} : { signal }),
      });
    },
  };
}

function toFake(args: readonly string[]): string[] {
  return ['fake', args.at(-1) ?? '[]'];
}
