import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { DOCKER } from './engine.ts';
import { createOwnDaemon, type OwnEngine } from './own-daemon.ts';
import { makeTemporaryFolder, removeFolder } from './temporary-folder.ts';

export interface OwnDockerdOptions {
  /** More OCI runtimes, as a daemon's configuration names them. */
  readonly runtimes?: Readonly<
    Record<string, { readonly path: string; readonly runtimeArgs?: readonly string[] }>
  >;
}

const PROGRAMS = ['dockerd', 'containerd', 'unshare'];

/** Why no such engine can be had here; `undefined` when one can. */
export function ownDockerdObstacle(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux';
  return PROGRAMS.flatMap((name) => (findProgram(name) === undefined ? [`there is no ${name}`] : []))[0];
}

export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * A Docker engine of one test's own, which it may stop and kill: data, socket, containers and their names in containerd are
 * apart from every other engine's on this machine, and so is its network. It has the worker image.
 */
export async function startOwnDockerd({ runtimes = {} }: OwnDockerdOptions = {}): Promise<OwnEngine> {
  const folder = makeTemporaryFolder('dockerd');
  const socketPath = join(folder, 'docker.sock');
  const name = `aa-test-${process.pid}-${Date.now()}`;
  const config = {
    'data-root': join(folder, 'data'),
    'exec-root': join(folder, 'exec'),
    pidfile: join(folder, 'dockerd.pid'),
    hosts: [`unix://${socketPath}`],
    bridge: 'none',
    iptables: false,
    'shutdown-timeout': 5,
    runtimes,
  };
  const configPath = join(folder, 'daemon.json');
  writeFileSync(configPath, JSON.stringify(config));
  // The machine's containerd may be shared with another engine.
  const apart = ['--containerd-namespace', name, '--containerd-plugins-namespace', `${name}-plugins`];
  mkdirSync(join(folder, 'exec'), { recursive: true });
  const program = findProgram('dockerd') ?? 'dockerd';
  const daemon = createOwnDaemon({
    // In a network of its own: at its start it removes the bridge docker0 of the machine's engine or takes it over.
    command: ['unshare', '--net', program, '--config-file', configPath, ...apart],
    socketPath,
    log: join(folder, 'log'),
  });
  const dockerd: OwnEngine = {
    engine: { name: 'docker', socketPath },
    stop: () => daemon.end('SIGTERM'),
    kill: () => daemon.end('SIGKILL'),
    start: daemon.start,
    async close() {
      // An engine that was killed has left processes behind, which only a start and an orderly end takes away.
      if (!daemon.isStarted()) await daemon.start();
      await daemon.end('SIGTERM');
      endProcessesOf(folder);
      unmountBelow(folder);
      removeFolder(folder);
    },
  };
  try {
    await daemon.start();
    await handOverImage(DOCKER.socketPath, socketPath, process.env.AA_WORKER_IMAGE ?? 'aa-worker:latest');
    return dockerd;
  } catch (error) {
    await daemon.end('SIGTERM');
    endProcessesOf(folder);
    unmountBelow(folder);
    removeFolder(folder);
    throw error;
  }
}

/** What an engine has started and not ended: each names the folder, which is this test's alone. */
function endProcessesOf(folder: string): void {
  for (const id of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(folder)) process.kill(Number(id), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}

/** What an engine that was killed has left mounted; the innermost first. */
function unmountBelow(folder: string): void {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? []);
  for (const point of points.filter((path) => path.startsWith(`${folder}/`)).reverse())
    execFileSync('umount', ['--lazy', point]);
}

/** As a stream from one engine into the other. */
function handOverImage(from: string, to: string, image: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const get = request({ socketPath: from, path: `/images/${image}/get`, agent: false }, (archive) => {
      if (archive.statusCode !== 200) return reject(new Error(`${image}: ${archive.statusCode}`));
      const headers = { 'Content-Type': 'application/x-tar' };
      const put = request({ socketPath: to, method: 'POST', path: '/images/load', headers, agent: false });
      put.on('response', (answer) => {
        let text = '';
        answer.on('data', (chunk) => {
          text += chunk;
        });
        answer.on('end', () => (text.includes('Loaded image') ? resolve() : reject(new Error(text))));
      });
      put.on('error', reject);
      archive.pipe(put);
    });
    get.on('error', reject);
    get.end();
  });
}
