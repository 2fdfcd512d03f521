import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeStandIns, standInNames } from './container-bases.js';
import { hasImage } from './image-offline.js';
import { readBuildArguments } from './image-source.js';
import { fillNpmCache } from './npm-cache.js';
import { reachImages } from './registry-reach.js';
import { say, step } from './say.js';

/** @typedef {import('./image-offline.js').OfflineContext & { root: string }} BuildContext */

/**
 * What the images of `docker-compose.yml` and `docker-compose.proxy.yml` need to be built on this machine. Where a registry is
 * reachable that is nothing. Elsewhere stand-ins for the bases are made, and npm's cache is filled for the build.
 *
 * @param {BuildContext} context
 * @returns {Promise<Record<string, string>>} build arguments for both
 */
export async function prepareContainerBuild(context) {
  const { root, engine, env } = context;
  const wanted = { ...readBases(root, 'Dockerfile'), ...readBases(root, 'engine-proxy/Dockerfile') };
  const names = standInNames(wanted);
  const found = await Promise.all(Object.values(names).map((image) => hasImage(engine, image)));
  if (!found.every(Boolean)) {
    const { reachable, reason } = await step('Asking for the base images of the service (15 s at most)', () =>
      reachImages(engine, Object.values(wanted)),
    );
    if (reachable) return {};
    say(`  Building without a registry: ${reason}`);
    await makeStandIns(names, readBases(root, 'worker/Dockerfile'), context);
  }
  return { ...names, NPM_CONFIG_REGISTRY: await fillNpmCache(root, env) };
}

/**
 * @param {string} root
 * @param {string} dockerfile
 */
const readBases = (root, dockerfile) => readBuildArguments(readFileSync(join(root, dockerfile), 'utf8'));

/**
 * What a person types to start the service in a container, once the build is prepared.
 *
 * @param {import('./engine-find.js').EngineKind} kind
 * @param {Record<string, string>} args build arguments
 */
export function composeCommands(kind, args) {
  const compose = kind === 'podman' ? 'podman-compose' : 'docker-compose';
  // Podman looks an unqualified name up in registries.
  const local = kind === 'podman' ? 'localhost/' : '';
  const words = Object.entries(args).map(
    ([name, value]) => `--build-arg ${name}=${name.endsWith('_IMAGE') ? local : ''}${value}`,
  );
  const build = words.length > 0 ? [[compose, 'build', ...words].join(' ')] : [];
  return ['cp -n .env.example .env', ...build, `${compose} up`];
}
