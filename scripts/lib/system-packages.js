import { askPerson, decideConsent } from './consent.js';
import { findProgram, runProgram } from './run-program.js';
import { say, step } from './say.js';
import { SetupError } from './setup-error.js';

const APT_WAIT = 'DPkg::Lock::Timeout=120';

/** @param {readonly string[]} packages */
export const aptCommands = (packages) => [
  'apt-get update',
  `apt-get install -y --no-install-recommends ${packages.join(' ')}`,
];

/**
 * Installs packages of the distribution, asking first where a person is there to answer.
 *
 * @param {{ packages: readonly string[], why: string, situation: import('./consent.js').Situation }} request
 * @param {{ env: NodeJS.ProcessEnv, ask?: typeof askPerson }} context
 */
export async function installPackages({ packages, why, situation }, { env, ask = askPerson }) {
  const names = packages.join(', ');
  const apt = findProgram('apt-get', env);
  if (apt === undefined) throw new SetupError(`${why} Install ${names} with this system's package manager.`);
  const decision = decideConsent(situation);
  const commands = aptCommands(packages);
  if (decision === 'refuse')
    throw new SetupError(`${why} Run:\n${asLines(commands.map((line) => `sudo ${line}`))}`);
  if (decision === 'ask' && !(await ask(`${why} Install ${names} now?`))) {
    throw new SetupError(`${why} Nothing was installed. When you are ready, run:\n${asLines(commands)}`);
  }
  say(`  ${why} Installing ${names} with apt-get.`);
  await step('apt-get update', (note) => runApt(apt, ['update'], env, note));
  const args = ['install', '-y', '--no-install-recommends', ...packages];
  await step(`apt-get ${args.join(' ')}`, (note) => runApt(apt, args, env, note));
}

/**
 * @param {string} apt
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @param {(text: string) => void} onLine
 */
async function runApt(apt, args, env, onLine) {
  const { code, tail } = await runProgram(apt, ['-o', APT_WAIT, ...args], {
    env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
    onLine,
  });
  if (code === 0) return;
  throw new SetupError(`apt-get ${args[0]} failed:\n${tail.trim()}\nCure what it says, then run this again.`);
}

/** @param {readonly string[]} lines */
const asLines = (lines) => lines.map((line) => `    ${line}`).join('\n');
