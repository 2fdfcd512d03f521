import { decideConsent } from './consent.js';
import { readSystem, usesApt } from './engine-install.js';
import { findProgram } from './run-program.js';
import { say } from './say.js';
import { SetupError } from './setup-error.js';
import { installPackages } from './system-packages.js';

/** What the tests of the container start, each a package of its name on Debian and Ubuntu. */
const PROGRAMS = ['docker-compose', 'podman-compose'];

/**
 * Compose programs for the tests. Where they are missing and can't be had the tests that use them are skipped, with this
 * reason said; a machine of CI must have them.
 *
 * @param {{ situation: import('./consent.js').Situation, env: NodeJS.ProcessEnv }} options
 */
export async function ensureComposePrograms({ situation, env }) {
  const packages = PROGRAMS.filter((name) => findProgram(name, env) === undefined);
  if (packages.length === 0) return;
  const reason = whyNot(situation);
  if (reason === undefined) {
    const why = 'The tests start the service with compose.';
    return installPackages({ packages, why, situation }, { env });
  }
  if (situation.ci) throw new SetupError(`The tests need ${packages.join(' and ')}, and ${reason}`);
  say(`- Tests that need ${packages.join(' or ')} are skipped: ${reason}`);
}

/** @param {import('./consent.js').Situation} situation */
function whyNot(situation) {
  if (!usesApt(readSystem())) return 'they are installed here by hand only.';
  if (decideConsent(situation) === 'refuse') return 'only root can install them.';
  return undefined;
}
