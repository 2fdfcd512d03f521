import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_SOCKET, findEngine } from './engine-find.js';
import { findProgram, runProgram } from './run-program.js';
import { say, step } from './say.js';
import { SetupError } from './setup-error.js';

/** @typedef {import('./engine-find.js').Engine} Engine */

const START_BOUND_MS = 60_000;
const LOG_PATH = '/var/log/aa-dockerd.log';

/**
 * How an installed engine is started here: by the init system that runs, else as a process of its own.
 *
 * @param {{ dockerd: string | undefined, systemd: boolean, openrc: boolean }} host
 * @returns {{ how: 'init', command: string[] } | { how: 'daemon', command: string[] } | undefined}
 */
export function planStart({ dockerd, systemd, openrc }) {
  if (dockerd === undefined) return undefined;
  if (systemd) return { how: 'init', command: ['systemctl', 'start', 'docker'] };
  if (openrc) return { how: 'init', command: ['rc-service', 'docker', 'start'] };
  return { how: 'daemon', command: [dockerd] };
}

/** @param {NodeJS.ProcessEnv} env */
export function readHost(env) {
  return {
    dockerd: findProgram('dockerd', env),
    systemd: existsSync('/run/systemd/system'),
    openrc: existsSync('/run/openrc/softlevel'),
  };
}

/**
 * Starts the engine and waits until it answers; it is never stopped by us.
 *
 * @param {NonNullable<ReturnType<typeof planStart>>} plan
 * @returns {Promise<Engine>}
 */
export async function startEngine(plan) {
  const [program = '', ...args] = plan.command;
  if (plan.how === 'init') {
    const { code, tail } = await runProgram(program, args);
    if (code !== 0)
      throw new SetupError(`${plan.command.join(' ')} failed:\n${tail.trim()}\nSee: journalctl -u docker`);
    return step('Waiting for the Docker engine', () => waitForEngine(() => false, 'journalctl -u docker'));
  }
  const daemon = spawnDaemon(program, LOG_PATH);
  say(`  dockerd started in a session of its own (pid ${daemon.pid ?? '?'}), log: ${LOG_PATH}`);
  return step('Waiting for the Docker engine', () =>
    waitForEngine(daemon.hasEnded, `tail ${LOG_PATH}`, LOG_PATH),
  );
}

/**
 * @param {string} program
 * @param {string} logPath
 * @param {{ args?: readonly string[], env?: NodeJS.ProcessEnv }} [options]
 */
export function spawnDaemon(program, logPath, { args = [], env = process.env } = {}) {
  const log = openSync(logPath, 'a');
  // `detached` makes a new session, so that the end of this terminal or of CI's process group doesn't end the engine.
  // Its folder is the log's: Podman 4 writes a file `oom` into whichever it was started in, and it must not hold this one.
  const cwd = dirname(logPath);
  const child = spawn(program, args, { cwd, detached: true, env, stdio: ['ignore', log, log] });
  let ended = false;
  child.once('error', () => {
    ended = true;
  });
  child.once('exit', () => {
    ended = true;
  });
  child.unref();
  return { pid: child.pid, hasEnded: () => ended };
}

/**
 * @param {() => boolean} hasEnded
 * @param {string} seeAlso
 * @param {string} [logPath]
 * @returns {Promise<Engine>}
 */
async function waitForEngine(hasEnded, seeAlso, logPath) {
  const until = Date.now() + START_BOUND_MS;
  while (Date.now() < until) {
    const { engine } = await findEngine([{ path: DEFAULT_SOCKET, named: true }], 'docker');
    if (engine) return engine;
    if (hasEnded() && logPath) throw new SetupError(explainDeath(tailOf(logPath)));
    await sleep(100);
  }
  throw new SetupError(`The Docker engine didn't answer within ${START_BOUND_MS / 1000} s. See: ${seeAlso}`);
}

/** @param {string} path */
export const tailOf = (path) => readFileSync(path, 'utf8').trimEnd().split('\n').slice(-12).join('\n');

/** @type {readonly [RegExp, string][]} */
const CURES = [
  [
    /process with PID \d+ is still running|pid file found/i,
    'Another dockerd holds the pid file: end it, or remove /var/run/docker.pid if it is dead.',
  ],
  [
    /iptables/i,
    'The iptables program or its kernel part is missing: apt-get install iptables, or load the module ip_tables.',
  ],
  [
    /cgroup/i,
    'The cgroup file system is not mounted or not writable: mount it, or run on a host (a container needs --privileged).',
  ],
  [
    /operation not permitted|permission denied/i,
    'This machine does not let root start an engine: run on a host, or in a container started with --privileged.',
  ],
  [/no space left/i, 'The disk is full: free some space under /var/lib/docker.'],
  [
    /overlay|graphdriver|storage-driver/i,
    'The storage driver failed: put {"storage-driver": "vfs"} into /etc/docker/daemon.json and try again.',
  ],
];

/**
 * What to say of a dockerd that ended: its last lines, and the likely cure.
 *
 * @param {string} logTail
 */
export function explainDeath(logTail) {
  const cure = CURES.find(([pattern]) => pattern.test(logTail))?.[1] ?? `Cure what the log says: ${LOG_PATH}`;
  return `dockerd ended right after its start. The end of its log:\n${logTail}\n${cure}`;
}
