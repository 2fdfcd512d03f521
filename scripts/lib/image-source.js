import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The image label that says from which `worker/` folder it was built. */
export const SOURCE_LABEL = 'aa.worker.source';

/** The images that the project builds itself, each after what it stands on. */
export const OWN_IMAGES = Object.freeze({
  'aa-worker:latest': { dockerfile: 'Dockerfile', needs: undefined },
  'aa-worker:data': { dockerfile: 'Dockerfile.data', needs: 'aa-worker:latest' },
});

/** @typedef {keyof typeof OWN_IMAGES} OwnImage */

/**
 * The base images that the Dockerfile names, by build argument.
 *
 * @param {string} dockerfile its text
 * @returns {Record<string, string>}
 */
export function readBuildArguments(dockerfile) {
  return Object.fromEntries(
    [...dockerfile.matchAll(/^ARG (\w+_IMAGE)=(\S+)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
}

/**
 * A hash over what goes into the image: every file of the folder but its documentation.
 *
 * @param {string} folder
 */
export function hashSource(folder) {
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).sort()) {
    if (name.endsWith('.md')) continue;
    const content = readFileSync(join(folder, name));
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex').slice(0, 16);
}

/**
 * What to do about an image.
 *
 * @param {{ own: boolean, exists: boolean, label: string | undefined, hash: string }} facts
 * @returns {'keep' | 'keep-handmade' | 'build' | 'rebuild' | 'unknown'}
 */
export function decideImage({ own, exists, label, hash }) {
  if (!own) return exists ? 'keep' : 'unknown';
  if (!exists) return 'build';
  if (label === undefined) return 'keep-handmade';
  return label === hash ? 'keep' : 'rebuild';
}
