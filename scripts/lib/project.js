import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's root folder. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Where downloads and build logs are kept between runs.
 *
 * @param {Readonly<Record<string, string | undefined>>} env
 */
export function cacheFolder(env) {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'aa-supervisor');
}
