import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The key that a service with `AA_GENERATE_KEY=true` has made. Throws when there is none yet.
 *
 * @param {import('./settings.js').Settings} settings
 * @param {string} [home]
 */
export function readOwnKey(settings, home = homedir()) {
  const root = (settings.AA_STORAGE_PATH || '~/.aa-storage').replace(/^(~|\$HOME|\$\{HOME\})(?=\/|$)/, home);
  return readFileSync(join(root, '.supervisor/api-key'), 'utf8').trim();
}

/** @param {string | undefined} value */
export const isTrue = (value) => ['true', '1'].includes(value?.trim() ?? '');
