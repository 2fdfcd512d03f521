import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from './run-program.js';
import { say, step } from './say.js';
import { SetupError } from './setup-error.js';

/** @typedef {{ version?: string, optional?: boolean, link?: boolean }} LockedPackage */

/**
 * Makes `node_modules` agree with `package-lock.json`, by `npm ci` where it doesn't.
 *
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 */
export async function ensureDependencies(root, env) {
  const lack = findLack(root);
  if (lack === undefined) return;
  say(`- Dependencies: ${lack}`);
  await step('npm ci', async (note) => {
    const { code, tail } = await runProgram('npm', ['ci', '--no-audit', '--no-fund'], {
      cwd: root,
      env,
      onLine: note,
    });
    if (code === 127) throw new SetupError('npm is not in PATH. Install Node with npm (20.18.1 or later).');
    if (code !== 0)
      throw new SetupError(`npm ci failed:\n${tail.trim()}\nCure what it says, then run this again.`);
  });
}

/**
 * Why the dependencies must be installed, or undefined when they needn't. Versions are compared, not times: a fresh
 * checkout touches the lock file without changing it.
 *
 * @param {string} root
 */
export function findLack(root) {
  const modules = join(root, 'node_modules');
  if (!existsSync(modules)) return 'not installed yet';
  const wanted = readPackages(join(root, 'package-lock.json'));
  if (wanted === undefined) return undefined;
  // npm writes this file last; another package manager doesn't, and then each package speaks for itself.
  const installed = readPackages(join(modules, '.package-lock.json'));
  for (const [path, { version, optional, link }] of Object.entries(wanted)) {
    if (path === '' || optional || link || version === undefined) continue;
    if (installed === undefined && path.lastIndexOf('node_modules/') > 0) continue;
    const has = installed === undefined ? versionAt(join(root, path)) : installed[path]?.version;
    if (has !== version) return `${path} is ${has ?? 'missing'}, ${version} is locked`;
  }
  return undefined;
}

/**
 * @param {string} path
 * @returns {Record<string, LockedPackage> | undefined}
 */
function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/**
 * @param {string} folder
 * @returns {string | undefined}
 */
function versionAt(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version;
  } catch {
    return undefined;
  }
}
