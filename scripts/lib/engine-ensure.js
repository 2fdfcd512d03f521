import { decideConsent } from './consent.js';
import { DEFAULT_SOCKET, describeLooks, ENGINE_NAMES, enginePlaces, findEngine } from './engine-find.js';
import { installEngine, readSystem } from './engine-install.js';
import { planStart, readHost, startEngine } from './engine-start.js';
import { planPodman, readPodmanHost, startPodman } from './podman-start.js';
import { say } from './say.js';
import { SetupError } from './setup-error.js';

/** @typedef {import('./engine-find.js').Look} Look */
/** @typedef {import('./engine-find.js').EngineChoice} EngineChoice */
/** @typedef {import('./settings.js').Settings} Settings */
/** @typedef {import('./consent.js').Situation} Situation */

/**
 * Answers an engine that is up: the one found, else the installed one started, else one installed now. `AA_RUNTIME` says of
 * which kind; without it Docker is preferred, and a Podman is used where it's what there is.
 *
 * @param {Settings} settings
 * @param {Situation} situation
 */
export async function ensureEngine(settings, situation) {
  const choice = readChoice(settings);
  const { engine, looks } = await findEngine(enginePlaces(settings, choice), choice);
  if (engine) {
    say(`- ${ENGINE_NAMES[engine.kind]} ${engine.version} at ${engine.socket}`);
    return engine;
  }
  say(`- No ${ENGINE_NAMES[choice]} engine answers. Looked at:\n${describeLooks(looks)}`);
  const obstacle = findObstacle(looks, settings, choice);
  if (obstacle) throw new SetupError(obstacle);
  const env = { ...process.env };
  return preferred(choice, env) === 'podman'
    ? startOrInstallPodman(situation, env)
    : startOrInstallDocker(situation, env);
}

/**
 * @param {Settings} settings
 * @returns {EngineChoice}
 */
function readChoice({ AA_RUNTIME: value }) {
  if (value === undefined || value === '' || value === 'auto') return 'auto';
  if (value === 'docker' || value === 'podman') return value;
  throw new SetupError(`AA_RUNTIME=${value} is not usable: write one of auto, docker, podman.`);
}

/**
 * A Podman that is installed is rather started than a Docker installed.
 *
 * @param {EngineChoice} choice
 * @param {NodeJS.ProcessEnv} env
 */
function preferred(choice, env) {
  if (choice !== 'auto') return choice;
  const installed = readHost(env).dockerd === undefined && readPodmanHost(env).podman !== undefined;
  return installed ? 'podman' : 'docker';
}

/**
 * A reason why starting or installing an engine would be wrong or would not help, with its cure.
 *
 * @param {readonly Look[]} looks
 * @param {Settings} settings
 * @param {EngineChoice} [choice]
 */
export function findObstacle(looks, settings, choice = 'auto') {
  const name = choice === 'auto' ? '' : ` ${ENGINE_NAMES[choice]}`;
  const ordered = settings.DOCKER_SOCKET_PATH;
  const other = looks.find(({ state }) => choice !== 'auto' && (state === 'docker' || state === 'podman'));
  if (ordered && other) {
    return `${other.detail} answers at ${other.place}, and AA_RUNTIME=${choice} asks for${name}. Set AA_RUNTIME=${other.state}, or name another socket in DOCKER_SOCKET_PATH.`;
  }
  if (ordered && (ordered !== DEFAULT_SOCKET || choice === 'podman')) {
    return `DOCKER_SOCKET_PATH names ${ordered}, where no${name} engine answers. Start one there, or unset the variable.`;
  }
  // An ordinary user can start a Podman of his own.
  if (choice === 'podman') return undefined;
  const refused = looks.find(({ state, place }) => state === 'refused' && !place.includes('podman'));
  if (refused) {
    return `This user may not use the engine at ${refused.place}. Run: sudo usermod -aG docker "$USER", then log in again.`;
  }
  const podman = looks.find(({ state, place }) => state === 'podman' && place === DEFAULT_SOCKET);
  if (podman) {
    return `Podman answers at ${podman.place}. Set AA_RUNTIME=podman to use it, or start Docker on another socket and name it in DOCKER_SOCKET_PATH.`;
  }
  return undefined;
}

/**
 * @param {Situation} situation
 * @param {NodeJS.ProcessEnv} env
 */
async function startOrInstallDocker(situation, env) {
  const host = readHost(env);
  const plan = planStart(host);
  if (plan === undefined) {
    await installEngine(readSystem(), situation, env);
    // A package's own script may have started it already.
    const { engine } = await findEngine([{ path: DEFAULT_SOCKET, named: true }], 'docker');
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

/**
 * @param {Situation} situation
 * @param {NodeJS.ProcessEnv} env
 * @param {string} [ownSocket] where a service of our own is to listen, instead of the usual place
 */
export async function startOrInstallPodman(situation, env, ownSocket) {
  if (readPodmanHost(env).podman === undefined) await installEngine(readSystem(), situation, env, 'podman');
  const plan = planPodman(readPodmanHost(env), ownSocket);
  if (plan === undefined)
    throw new SetupError(
      'podman is still missing after the installation. Install Podman 4.3 or later by hand.',
    );
  return startPodman(plan, env);
}
