import { decideConsent } from './consent.js';
import { DEFAULT_SOCKET, describeLooks, enginePlaces, findEngine } from './engine-find.js';
import { installEngine, readSystem } from './engine-install.js';
import { planStart, readHost, startEngine } from './engine-start.js';
import { say } from './say.js';
import { SetupError } from './setup-error.js';

/** @typedef {import('./engine-find.js').Look} Look */

/**
 * Answers a Docker engine that is up: the one found, else the installed one started, else one installed now.
 *
 * @param {import('./settings.js').Settings} settings
 * @param {import('./consent.js').Situation} situation
 */
export async function ensureEngine(settings, situation) {
  const { engine, looks } = await findEngine(enginePlaces(settings));
  if (engine) {
    say(`- Docker ${engine.version} at ${engine.socket}`);
    return engine;
  }
  say(`- No Docker engine answers. Looked at:\n${describeLooks(looks)}`);
  const obstacle = findObstacle(looks, settings);
  if (obstacle) throw new SetupError(obstacle);
  return startOrInstall(situation, { ...process.env });
}

/**
 * A reason why starting or installing an engine would be wrong or would not help, with its cure.
 *
 * @param {readonly Look[]} looks
 * @param {import('./settings.js').Settings} settings
 */
export function findObstacle(looks, settings) {
  const ordered = settings.DOCKER_SOCKET_PATH;
  if (ordered && ordered !== DEFAULT_SOCKET) {
    return `DOCKER_SOCKET_PATH names ${ordered}, where no Docker engine answers. Start one there, or unset the variable.`;
  }
  const refused = looks.find(({ state }) => state === 'refused');
  if (refused) {
    return `This user may not use the engine at ${refused.place}. Run: sudo usermod -aG docker "$USER", then log in again.`;
  }
  const podman = looks.find(({ state, place }) => state === 'podman' && place === DEFAULT_SOCKET);
  if (podman) {
    return `Podman answers at ${podman.place}. Start Docker on another socket and name it in DOCKER_SOCKET_PATH.`;
  }
  return undefined;
}

/**
 * @param {import('./consent.js').Situation} situation
 * @param {NodeJS.ProcessEnv} env
 */
async function startOrInstall(situation, env) {
  const host = readHost(env);
  const plan = planStart(host);
  if (plan === undefined) {
    await installEngine(readSystem(), situation, env);
    // A package's own script may have started it already.
    const { engine } = await findEngine([DEFAULT_SOCKET]);
    if (engine) return engine;
  }
  const command = plan ?? planStart(readHost(env));
  if (command === undefined)
    throw new SetupError('dockerd is still missing after the installation. Install Docker Engine by hand.');
  if (decideConsent(situation) === 'refuse') {
    const line = command.how === 'init' ? command.command.join(' ') : 'dockerd &';
    throw new SetupError(`Docker is installed but not running. Run:\n    sudo ${line}`);
  }
  return startEngine(command);
}
