import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

/** @typedef {Readonly<Record<string, string | undefined>>} Settings */

/**
 * The variables as the service will see them: `.env` in the project's folder, and the process's environment over it.
 *
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {Settings}
 */
export function readSettings(root, env) {
  return { ...readEnvFile(join(root, '.env')), ...env };
}

/** @param {string} path */
function readEnvFile(path) {
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return {};
    throw error;
  }
}
