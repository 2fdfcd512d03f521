import { execFile } from 'node:child_process';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { readSituation } from '../../scripts/lib/consent.js';
import { prepareContainerBuild } from '../../scripts/lib/container-build.js';
import { handOverImage } from '../../scripts/lib/image-hand-over.js';
import { cacheFolder } from '../../scripts/lib/project.js';
import { findProgram } from '../../scripts/lib/run-program.js';
import { callEngine, DOCKER, PODMAN, type TestEngine } from './engine.ts';
import { makeTemporaryFolder, removeFolder } from './temporary-folder.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What the service's image and its compose files are made of, and what a build may find beside them. */
const PARTS = [
  ...['Dockerfile', '.dockerignore', 'docker-compose.yml', 'docker-compose.proxy.yml', 'engine-proxy'],
  ...['package.json', 'package-lock.json', 'LICENSE', 'src'],
];

/** A compose program, and the engine that it starts containers on. */
export interface ComposeTool {
  readonly program: 'docker-compose' | 'podman-compose';
  readonly engine: TestEngine;
  /** Why its tests can't run here; `undefined` when they can. */
  readonly obstacle?: string;
}

export const TOOLS: readonly ComposeTool[] = (
  [
    ['docker-compose', DOCKER],
    ['podman-compose', PODMAN],
  ] as const
).map(([program, engine]) => {
  const missing = findProgram(program, process.env) === undefined ? `there is no ${program}` : undefined;
  const obstacle = missing ?? engine.obstacle;
  return { program, engine, ...(obstacle === undefined ? {} : { obstacle }) };
});

/** A copy of the project that compose starts under a name, a port and a storage folder of its own. */
export interface ComposeProject {
  readonly name: string;
  readonly folder: string;
  readonly storageRoot: string;
  readonly url: string;
  /** Runs the compose program; resolves with what it printed, rejects with that when it fails. */
  compose(...args: readonly string[]): Promise<string>;
  build(): Promise<string>;
  /** `down`, then removes what a failed test or podman-compose leaves, and the copy. */
  remove(): Promise<void>;
}

export async function makeComposeProject(
  { program, engine }: ComposeTool,
  files: readonly string[] = ['docker-compose.yml'],
): Promise<ComposeProject> {
  const folder = makeTemporaryFolder('compose');
  const storageRoot = join(folder, 'storage');
  const name = `aatest${crypto.randomUUID().slice(0, 8)}`;
  const port = await freePort();
  const buildArgs = await prepareBuild(engine);
  copyProject(folder);
  const settings = {
    PORT: String(port),
    AA_STORAGE_PATH: storageRoot,
    DOCKER_SOCKET_PATH: engine.socketPath,
  };
  // docker-compose lets the environment win over an unchanged `.env`; podman-compose lets `.env` win.
  const lines = Object.entries(settings).map(([variable, value]) => `${variable}=${value}\n`);
  const example = readFileSync(join(ROOT, '.env.example'), 'utf8');
  writeFileSync(join(folder, '.env'), engine.name === 'docker' ? example : example + lines.join(''));
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    ...(engine.name === 'docker'
      ? { DOCKER_HOST: `unix://${engine.socketPath}`, ...settings }
      : { CONTAINER_HOST: `unix://${engine.socketPath}` }),
  };
  const compose = async (...args: readonly string[]): Promise<string> => {
    const { stdout, stderr } = await run(
      program,
      ['-p', name, ...files.flatMap((file) => ['-f', file]), ...args],
      { cwd: folder, env },
    );
    return stdout + stderr;
  };
  return {
    name,
    folder,
    storageRoot,
    url: `http://127.0.0.1:${port}`,
    compose,
    build: () =>
      compose(
        'build',
        ...Object.entries(buildArgs).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]),
      ),
    async remove() {
      await compose('down', '-v').catch(() => {});
      await removeLeftovers(engine, name);
      removeFolder(folder);
    },
  };
}

/** The build arguments for an engine; where no registry is reachable Docker makes the bases, and Podman is given them. */
export async function prepareBuild(engine: TestEngine): Promise<Record<string, string>> {
  const docker = toEngine(DOCKER);
  const situation = readSituation(process.env, []);
  const context = {
    root: ROOT,
    engine: docker,
    situation,
    env: process.env,
    cache: cacheFolder(process.env),
  };
  const args = await prepareContainerBuild(context);
  if (engine.name === 'docker') return args;
  const given: Record<string, string> = {};
  for (const [name, value] of Object.entries(args)) {
    if (name.endsWith('_IMAGE')) await handOverImage(value, { from: docker, to: toEngine(engine) });
    given[name] = name.endsWith('_IMAGE') ? `localhost/${value}` : value;
  }
  return given;
}

/** An engine in the words of the set-up's scripts. */
export function toEngine({ name, socketPath }: TestEngine) {
  const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
  return { kind: name, socket: socketPath, version: '', arch };
}

export function copyProject(folder: string, withCache = true): void {
  for (const part of withCache ? [...PARTS, '.npm-cache'] : PARTS) {
    if (existsSync(join(ROOT, part))) cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  }
}

export function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string | undefined>> } = {},
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const bounds = { timeout: 110_000, maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(program, [...args], { ...bounds, ...options }, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, stderr });
      else reject(new Error(`${error.message}\n${stdout.slice(-4000)}\n${stderr.slice(-4000)}`));
    });
    child.stdin?.end();
  });
}

/** Waits until `/readyz` answers `status`, and resolves with its body. */
export async function waitForReadyz(url: string, status: number, withinMs = 30_000): Promise<string> {
  const end = performance.now() + withinMs;
  for (;;) {
    // A connection that the engine's proxy took before the container listened may stay silent for ever.
    const found = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(3000) }).then(
      async (response) => ({ status: response.status, text: await response.text() }),
      (error: unknown) => ({ status: 0, text: String(error) }),
    );
    if (found.status === status) return found.text;
    if (performance.now() > end) throw new Error(`/readyz: ${found.status} ${found.text}`);
    await sleep(100);
  }
}

type Kind = 'containers' | 'networks' | 'volumes' | 'images';

/** Ids of what an engine has of a compose project, of networks their names, by the label that every compose program sets. */
export async function leftoversOf(
  engine: TestEngine,
  project: string,
  kind: Kind,
): Promise<readonly string[]> {
  const filters = { label: [`com.docker.compose.project=${project}`] };
  const path = `/${kind}${kind === 'containers' ? '/json?all=true&' : '?'}filters=${encodeURIComponent(JSON.stringify(filters))}`;
  const answer = (await callEngine(engine, 'GET', path)) as
    | readonly { Id?: string; Name?: string }[]
    | { Volumes: readonly { Name: string }[] | null };
  if ('Volumes' in answer) return (answer.Volumes ?? []).map(({ Name }) => Name);
  return (answer as readonly { Id?: string; Name?: string }[]).map(({ Id = '', Name = '' }) =>
    kind === 'networks' ? Name : Id,
  );
}

/** Expects what `down` leaves: nothing, or by podman-compose 1.0 the one network, which README removes by this name. */
export async function expectDown(engine: TestEngine, project: string): Promise<void> {
  expect(await leftoversOf(engine, project, 'containers')).toEqual([]);
  expect(await leftoversOf(engine, project, 'volumes')).toEqual([]);
  const networks = engine.name === 'podman' ? [`${project}_default`] : [];
  expect(await leftoversOf(engine, project, 'networks')).toEqual(networks);
}

async function removeLeftovers(engine: TestEngine, project: string): Promise<void> {
  const podman = engine.name === 'podman';
  for (const id of await leftoversOf(engine, project, 'containers'))
    await callEngine(engine, 'DELETE', `/containers/${id}?force=true`);
  for (const name of await leftoversOf(engine, project, 'networks'))
    await callEngine(engine, 'DELETE', `/networks/${name}`);
  expect(await leftoversOf(engine, project, 'volumes')).toEqual([]);
  const images = (await callEngine(engine, 'GET', '/images/json')) as readonly {
    RepoTags: string[] | null;
  }[];
  const own = images.flatMap(({ RepoTags }) => RepoTags ?? []).filter((tag) => tag.includes(`${project}_`));
  for (const tag of own) await callEngine(engine, 'DELETE', `/images/${tag}?force=true`);
  // Docker's serve the next build as its cache.
  if (podman) await removeStages(engine);
}

/** A build leaves its first stage behind, without a name. */
export async function removeStages(engine: TestEngine): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ dangling: ['true'] }));
  const nameless = (await callEngine(engine, 'GET', `/images/json?filters=${filters}`)) as { Id: string }[];
  for (const { Id } of nameless) {
    const image = (await callEngine(engine, 'GET', `/images/${Id}/json`).catch(() => ({}))) as {
      Config?: { WorkingDir: string };
    };
    // Another build may stand on it just now.
    if (image.Config?.WorkingDir === '/build')
      await callEngine(engine, 'DELETE', `/images/${Id}`).catch(() => {});
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
