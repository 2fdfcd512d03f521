import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from './run-program.js';
import { step } from './say.js';
import { SetupError } from './setup-error.js';

/** Where `Dockerfile` looks for it, below the project's root. */
export const NPM_CACHE = '.npm-cache';

/**
 * Fills a cache with what the service's image installs, so that its build needs no network. Done again when the lock file
 * changes.
 *
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>} the registry that the cache's entries are of
 */
export async function fillNpmCache(root, env) {
  const registry = (await runProgram('npm', ['config', 'get', 'registry'], { cwd: root, env })).tail.trim();
  const cache = join(root, NPM_CACHE);
  const hash = createHash('sha256')
    .update(registry)
    .update(readFileSync(join(root, 'package-lock.json')));
  const digest = hash.digest('hex');
  const mark = join(cache, 'filled-for');
  if (readMark(mark) === digest) return registry;
  rmSync(cache, { recursive: true, force: true });
  await step("npm's cache for the service's image", (note) => installInto(cache, root, env, note));
  rmSync(join(cache, '_logs'), { recursive: true, force: true });
  writeFileSync(mark, digest);
  return registry;
}

/**
 * @param {string} cache
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {(text: string) => void} onLine
 */
async function installInto(cache, root, env, onLine) {
  const cwd = mkdtempSync(join(tmpdir(), 'aa-npm-cache-'));
  try {
    for (const name of ['package.json', 'package-lock.json']) cpSync(join(root, name), join(cwd, name));
    const omitted = ['--omit=dev', '--omit=optional', '--omit=peer'];
    const args = ['ci', ...omitted, '--ignore-scripts', `--cache=${cache}`, '--no-audit', '--no-fund'];
    const { code, tail } = await runProgram('npm', args, { cwd, env, onLine });
    if (code === 0) return;
    throw new SetupError(`npm ci failed:\n${tail.trim()}\nCure what it says, then run this again.`, 1);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** @param {string} path */
function readMark(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
