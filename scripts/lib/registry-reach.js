import { apiPath, callEngine } from './engine-api.js';

/** The one attempt to reach a registry is over after this. */
export const REACH_BOUND_MS = 15_000;

/**
 * Can the engine have every one of these images, from its own store or from the registry (asked by the engine itself,
 * so that its proxies and mirrors count)? All are asked at once, within one bound.
 *
 * @param {import('./engine-find.js').Engine} engine
 * @param {readonly string[]} images
 * @param {number} [boundMs]
 * @returns {Promise<{ reachable: boolean, reason: string }>}
 */
export async function reachImages(engine, images, boundMs = REACH_BOUND_MS) {
  const reasons = await Promise.all(images.map((image) => whyUnreachable(engine, image, boundMs)));
  const reason = reasons.find((text) => text !== undefined);
  return { reachable: reason === undefined, reason: reason ?? '' };
}

/**
 * @param {import('./engine-find.js').Engine} engine
 * @param {string} image
 * @param {number} boundMs
 * @returns {Promise<string | undefined>}
 */
async function whyUnreachable(engine, image, boundMs) {
  const { socket } = engine;
  const local = await callEngine({ socket, path: apiPath(engine, `/images/${image}/json`) });
  if (local.status === 200) return undefined;
  try {
    const route = { docker: 'distribution', podman: 'manifests' }[engine.kind];
    const path = apiPath(engine, `/${route}/${image}/json`);
    const remote = await callEngine({ socket, path, timeoutMs: boundMs });
    return remote.status === 200 ? undefined : `${image}: the registry gave no manifest (${remote.status})`;
  } catch (error) {
    const slow = /** @type {NodeJS.ErrnoException} */ (error).code === 'ETIMEDOUT';
    return `${image}: ${slow ? `no answer within ${boundMs / 1000} s` : 'the engine could not ask'}`;
  }
}
