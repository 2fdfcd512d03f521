import { readSystem, usesApt } from './engine-install.js';
import { findProgram } from './run-program.js';
import { say } from './say.js';
import { SetupError } from './setup-error.js';
import { installPackages } from './system-packages.js';

/**
 * gVisor's runtime for the tests, which register it with an engine of their own. A machine that can't have it skips its tests,
 * with this reason said; one of CI must have it.
 *
 * @param {import('./consent.js').Situation} situation
 * @param {NodeJS.ProcessEnv} env
 */
export async function ensureTestGvisor(situation, env) {
  if (findProgram('runsc', env)) return;
  try {
    if (!situation.root || !usesApt(readSystem()))
      throw new SetupError(
        'runsc is not installed here, and only root on Debian or Ubuntu has it installed.',
      );
    const why = "gVisor's runsc is not installed, and tests run under it.";
    await installPackages({ packages: ['runsc'], why, situation }, { env });
  } catch (error) {
    if (!(error instanceof SetupError) || situation.ci) throw error;
    say(`- gVisor's tests are skipped: ${error.message}`);
  }
}
