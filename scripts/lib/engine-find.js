import { homedir } from 'node:os';
import { join } from 'node:path';
import { callEngine } from './engine-api.js';

/** @typedef {import('./settings.js').Settings} Settings */
/** @typedef {'docker' | 'podman' | 'missing' | 'refused' | 'silent' | 'unsupported' | 'foreign'} PlaceState */
/** @typedef {{ place: string, state: PlaceState, detail: string }} Look */
/** @typedef {{ socket: string, version: string, arch: string }} Engine */

/** Where an engine listens when nobody has said otherwise. */
export const DEFAULT_SOCKET = '/var/run/docker.sock';

/**
 * The places to look at, best first. `DOCKER_SOCKET_PATH` is an order: with it nothing else is looked at.
 *
 * @param {Settings} settings
 * @param {string} [home]
 * @returns {string[]}
 */
export function enginePlaces(settings, home = homedir()) {
  if (settings.DOCKER_SOCKET_PATH) return [settings.DOCKER_SOCKET_PATH];
  const runtimeFolder = settings.XDG_RUNTIME_DIR;
  return [
    ...(settings.DOCKER_HOST ? [settings.DOCKER_HOST.replace(/^unix:\/\//, '')] : []),
    DEFAULT_SOCKET,
    ...(runtimeFolder ? [join(runtimeFolder, 'docker.sock')] : []),
    join(home, '.docker/run/docker.sock'),
    join(home, '.docker/desktop/docker.sock'),
    join(home, '.colima/default/docker.sock'),
    join(home, '.orbstack/run/docker.sock'),
    join(home, '.rd/docker.sock'),
  ];
}

/**
 * Asks each place in turn and stops at the first Docker engine: what answers counts, not what the socket is called.
 *
 * @param {readonly string[]} places
 * @param {number} [timeoutMs] for each place
 * @returns {Promise<{ engine: Engine | undefined, looks: Look[] }>}
 */
export async function findEngine(places, timeoutMs = 3_000) {
  /** @type {Look[]} */
  const looks = [];
  for (const place of places) {
    const { look, engine } = await lookAt(place, timeoutMs);
    looks.push(look);
    if (engine) return { engine, looks };
  }
  return { engine: undefined, looks };
}

/**
 * @param {string} place
 * @param {number} timeoutMs
 * @returns {Promise<{ look: Look, engine?: Engine }>}
 */
async function lookAt(place, timeoutMs) {
  if (!place.startsWith('/')) {
    return { look: { place, state: 'unsupported', detail: 'not a unix socket; give the path of one' } };
  }
  try {
    const ping = await callEngine({ socket: place, path: '/_ping', timeoutMs });
    if (ping.status !== 200) return { look: foreign(place, `GET /_ping answered ${ping.status}`) };
    return identify(place, await callEngine({ socket: place, path: '/version', timeoutMs }));
  } catch (error) {
    return { look: { place, ...toState(/** @type {Error} */ (error)) } };
  }
}

/**
 * @param {string} place
 * @param {{ status: number, json: unknown }} answer
 * @returns {{ look: Look, engine?: Engine }}
 */
function identify(place, { json }) {
  const body =
    /** @type {{ Version?: string, Arch?: string, Components?: { Name?: string }[] } | undefined} */ (json);
  if (typeof body?.Version !== 'string')
    return { look: foreign(place, "GET /version is not an engine's answer") };
  const version = body.Version;
  const podman = body.Components?.some(({ Name }) => /podman/i.test(Name ?? ''));
  if (podman)
    return { look: { place, state: 'podman', detail: `Podman ${version} answers here, Docker is needed` } };
  const engine = { socket: place, version, arch: body.Arch ?? '' };
  return { look: { place, state: 'docker', detail: `Docker ${version}` }, engine };
}

/**
 * @param {string} place
 * @param {string} detail
 * @returns {Look}
 */
const foreign = (place, detail) => ({ place, state: 'foreign', detail });

/**
 * What a failed connection says about a place.
 *
 * @param {{ code?: string | undefined, message: string }} error
 * @returns {{ state: PlaceState, detail: string }}
 */
export function toState({ code, message }) {
  if (code === 'ENOENT' || code === 'ENOTDIR') return { state: 'missing', detail: 'no such socket' };
  if (code === 'EACCES' || code === 'EPERM') return { state: 'refused', detail: 'permission refused' };
  if (code === 'ECONNREFUSED') return { state: 'silent', detail: 'a socket, but nobody listens' };
  if (code === 'ETIMEDOUT') return { state: 'silent', detail: 'somebody listens, but no answer came' };
  return { state: 'foreign', detail: message };
}

/**
 * The report of a search, a line for each place.
 *
 * @param {readonly Look[]} looks
 */
export function describeLooks(looks) {
  return looks.map(({ place, detail }) => `    ${place}: ${detail}`).join('\n');
}
