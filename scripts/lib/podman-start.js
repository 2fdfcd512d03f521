import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findEngine, SYSTEM_PODMAN_SOCKET } from './engine-find.js';
import { spawnDaemon, tailOf } from './engine-start.js';
import { planContainersConf } from './podman-conf.js';
import { cacheFolder } from './project.js';
import { findProgram, runProgram } from './run-program.js';
import { say, step } from './say.js';
import { SetupError } from './setup-error.js';

/** @typedef {import('./engine-find.js').Engine} Engine */
/** @typedef {{ podman: string | undefined, systemd: boolean, root: boolean, runtimeFolder: string }} PodmanHost */
/** @typedef {{ how: 'init' | 'daemon', command: string[], socket: string }} PodmanPlan */

const START_BOUND_MS = 30_000;

/**
 * How an installed Podman is made to answer: by its socket unit where systemd runs, else by a service process of its own. An
 * ordinary user gets a rootless one, which takes no rights.
 *
 * @param {PodmanHost} host
 * @param {string} [ownSocket] start a service of our own there, whatever else there is
 * @returns {PodmanPlan | undefined}
 */
export function planPodman({ podman, systemd, root, runtimeFolder }, ownSocket) {
  if (podman === undefined) return undefined;
  const usual = root ? SYSTEM_PODMAN_SOCKET : join(runtimeFolder, 'podman/podman.sock');
  const socket = ownSocket ?? usual;
  if (systemd && ownSocket === undefined) {
    const command = ['systemctl', ...(root ? [] : ['--user']), 'start', 'podman.socket'];
    return { how: 'init', command, socket };
  }
  // It leaves after five idle seconds unless told not to.
  return { how: 'daemon', command: [podman, 'system', 'service', '--time=0', `unix://${socket}`], socket };
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {PodmanHost}
 */
export function readPodmanHost(env) {
  const uid = process.getuid?.() ?? 0;
  return {
    podman: findProgram('podman', env),
    systemd: existsSync('/run/systemd/system'),
    root: uid === 0,
    runtimeFolder: env.XDG_RUNTIME_DIR || join('/tmp', `podman-run-${uid}`),
  };
}

/**
 * Starts Podman and waits until it answers; it is never stopped by us.
 *
 * @param {PodmanPlan} plan
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Engine>}
 */
export async function startPodman({ how, command, socket }, env) {
  const [program = '', ...args] = command;
  if (how === 'init') {
    const { code, tail } = await runProgram(program, args, { env });
    if (code !== 0)
      throw new SetupError(`${command.join(' ')} failed:\n${tail.trim()}\nSee: journalctl -u podman`);
    return step('Waiting for Podman', () => waitForPodman(socket, () => undefined));
  }
  mkdirSync(dirname(socket), { recursive: true, mode: 0o700 });
  const log = join(cacheFolder(env), 'podman.log');
  mkdirSync(dirname(log), { recursive: true });
  const daemon = spawnDaemon(program, log, { args, env: { ...env, ...writeContainersConf(env) } });
  say(`  podman system service started in a session of its own (pid ${daemon.pid ?? '?'}), log: ${log}`);
  const explain = () =>
    daemon.hasEnded() ? `It ended right after its start. The end of its log:\n${tailOf(log)}` : undefined;
  return step('Waiting for Podman', () => waitForPodman(socket, explain));
}

/**
 * What this host needs said in a configuration of the service's own; nothing on an ordinary one.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
function writeContainersConf(env) {
  const plan = planContainersConf(readConfHost(env));
  if (plan === undefined || env.CONTAINERS_CONF) return {};
  const path = join(cacheFolder(env), 'containers.conf');
  writeFileSync(path, plan.text);
  say(`  ${plan.why}: the service is given ${path}`);
  return { CONTAINERS_CONF: path };
}

/**
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {import('./podman-conf.js').ConfHost}
 */
export function readConfHost(env = process.env) {
  return {
    systemd: existsSync('/run/systemd/system'),
    cgroup2: existsSync('/sys/fs/cgroup/cgroup.controllers'),
    runc: findProgram('runc', env) !== undefined,
    status: readText('/proc/self/status'),
  };
}

/** @param {string} path */
function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/**
 * @param {string} socket
 * @param {() => string | undefined} explainEnd
 * @returns {Promise<Engine>}
 */
async function waitForPodman(socket, explainEnd) {
  const until = Date.now() + START_BOUND_MS;
  while (Date.now() < until) {
    const { engine } = await findEngine([{ path: socket, named: true }], 'podman');
    if (engine) return engine;
    const end = explainEnd();
    if (end !== undefined) throw new SetupError(`Podman didn't start. ${end}`);
    await sleep(100);
  }
  throw new SetupError(
    `Podman didn't answer at ${socket} within ${START_BOUND_MS / 1000} s. Start it by hand and try again.`,
  );
}
