import { startOrInstallPodman } from './engine-ensure.js';
import { findEngine } from './engine-find.js';
import { readSystem, usesApt } from './engine-install.js';
import { handOverImage } from './image-hand-over.js';
import { readPodmanHost } from './podman-start.js';
import { say } from './say.js';
import { SetupError } from './setup-error.js';

/** The tests' own, so that they depend on no service of this machine's and leave none changed. */
const SOCKET = '/run/aa-test-podman/podman.sock';

/**
 * A Podman for the tests, with the worker image that Docker has. A machine that can't have one skips its tests, with this
 * reason said; one of CI must have it.
 *
 * @param {object} options
 * @param {import('./engine-find.js').Engine} options.docker
 * @param {string} options.image
 * @param {import('./consent.js').Situation} options.situation
 * @param {NodeJS.ProcessEnv} options.env
 * @returns {Promise<string | undefined>} its socket
 */
export async function ensureTestPodman({ docker, image, situation, env }) {
  const socket = env.AA_TEST_PODMAN_SOCKET || SOCKET;
  const { engine: found } = await findEngine([{ path: socket, named: true }], 'podman');
  const reason = found ? undefined : whyNot(env, situation);
  if (reason !== undefined) {
    if (situation.ci) throw new SetupError(`The tests need Podman, and ${reason}`);
    say(`- Podman's tests are skipped: ${reason}`);
    return undefined;
  }
  const engine = found ?? (await startOrInstallPodman(situation, env, socket));
  say(`- Podman ${engine.version} at ${engine.socket}, for the tests`);
  await handOverImage(image, { from: docker, to: engine });
  return engine.socket;
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {import('./consent.js').Situation} situation
 */
function whyNot(env, { root }) {
  if (env.AA_TEST_PODMAN_SOCKET) return `nobody answers as Podman at ${env.AA_TEST_PODMAN_SOCKET}.`;
  if (!root) return 'only root can start one that enforces limits. Name one in AA_TEST_PODMAN_SOCKET.';
  if (readPodmanHost(env).podman === undefined && !usesApt(readSystem()))
    return 'it is installed here by hand only. Install it, or name one in AA_TEST_PODMAN_SOCKET.';
  return undefined;
}
