import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { planContainersConf } from '../../scripts/lib/podman-conf.js';
import { readConfHost } from '../../scripts/lib/podman-start.js';
import { callEngine, PODMAN, type TestEngine } from './engine.ts';
import type { TestUser } from './test-user.ts';

export interface RootlessPodman {
  readonly engine: TestEngine;
  /** Ends the service; there must be no container left. */
  close(): Promise<void>;
}

/** Starts a Podman of this user's own, and hands it the worker image that the tests' rootful one has. */
export async function startRootlessPodman(user: TestUser, image: string): Promise<RootlessPodman> {
  const folder = user.makeFolder('run', 0o700);
  const engine: TestEngine = { name: 'podman', socketPath: join(folder, 'podman.sock') };
  const conf = planContainersConf(readConfHost());
  const confPath = join(folder, 'containers.conf');
  if (conf !== undefined) user.run(['sh', '-c', 'printf %s "$1" > "$2"', 'sh', conf.text, confPath]);
  const env = {
    PATH: process.env.PATH,
    HOME: user.home,
    XDG_RUNTIME_DIR: folder,
    // Without it Podman 4 copies the whole image for each container where there is no fuse-overlayfs.
    STORAGE_DRIVER: 'overlay',
    ...(conf === undefined ? {} : { CONTAINERS_CONF: confPath }),
  };
  const log = join(folder, 'podman.log');
  const output = openSync(log, 'w');
  const [program = '', ...args] = [
    ...user.prefix,
    ...['podman', 'system', 'service', '--time=0', `unix://${engine.socketPath}`],
  ];
  const child = spawn(program, args, { cwd: user.home, env, stdio: ['ignore', output, output] });
  closeSync(output);
  try {
    await untilItAnswers(engine, child, log);
    await handOver(image, engine);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return {
    engine,
    async close() {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null)
        await new Promise((resolve) => child.once('exit', resolve));
      endProcessesOf(user);
    },
  };
}

async function untilItAnswers(engine: TestEngine, child: ChildProcess, log: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (child.exitCode !== null) break;
    if (await callEngine(engine, 'GET', '/v4.0.0/libpod/info').then(Boolean, () => false)) return;
    await sleep(100);
  }
  throw new Error(`the rootless Podman did not answer:\n${readFileSync(log, 'utf8').slice(-2000)}`);
}

/** From one engine's save to the other's load, through their sockets. */
function handOver(image: string, to: TestEngine): Promise<void> {
  return new Promise((resolve, reject) => {
    const path = `/v4.0.0/libpod/images/${image}/get`;
    request({ socketPath: PODMAN.socketPath, path }, (saved) => {
      const headers = { 'Content-Type': 'application/x-tar' };
      const load = request({
        socketPath: to.socketPath,
        method: 'POST',
        path: '/v4.0.0/libpod/images/load',
        headers,
      });
      load.on('response', (answer) => {
        answer.resume();
        answer.on('end', () =>
          answer.statusCode === 200 ? resolve() : reject(new Error(`load: ${answer.statusCode}`)),
        );
      });
      load.on('error', reject);
      saved.on('error', reject);
      saved.pipe(load);
    })
      .on('error', reject)
      .end();
  });
}

/** A rootless Podman leaves a process that holds its namespace. The user was made for this test alone. */
function endProcessesOf({ uid }: TestUser): void {
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      if (statSync(join('/proc', name)).uid === uid) process.kill(Number(name), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}
