import { homedir } from 'node:os';
import { callEngine } from './engine-api.js';

/** @typedef {import('./settings.js').Settings} Settings */
/** @typedef {'docker' | 'podman'} EngineKind */
/** @typedef {'auto' | EngineKind} EngineChoice */
/** @typedef {EngineKind | 'missing' | 'refused' | 'silent' | 'unsupported' | 'foreign'} PlaceState */
/** @typedef {{ path: string, named: boolean }} Place `named`: somebody named it, so whatever engine answers there is meant */
/** @typedef {{ place: string, state: PlaceState, detail: string }} Look */
/** @typedef {{ kind: EngineKind, socket: string, version: string, arch: string }} Engine */
/** @typedef {{ home: string, platform: NodeJS.Platform, uid: number | undefined }} Whereabouts */

/** Where Docker listens when nobody has said otherwise. */
export const DEFAULT_SOCKET = '/var/run/docker.sock';

export const ENGINE_NAMES = Object.freeze({ auto: 'container', docker: 'Docker', podman: 'Podman' });

/** @returns {Whereabouts} */
const here = () => ({ home: homedir(), platform: process.platform, uid: process.getuid?.() });

/**
 * The places to look at, best first, as the service itself does (`src/runtimes/discovery/places.ts`; a test compares the two).
 * `DOCKER_SOCKET_PATH` is an order: with it nothing else is looked at.
 *
 * @param {Settings} settings
 * @param {EngineChoice} [choice]
 * @param {Whereabouts} [where]
 * @returns {Place[]}
 */
export function enginePlaces(settings, choice = 'auto', where = here()) {
  if (settings.DOCKER_SOCKET_PATH) return [{ path: withoutScheme(settings.DOCKER_SOCKET_PATH), named: true }];
  const variables = ['DOCKER_HOST', 'CONTAINER_HOST'];
  if (choice === 'podman') variables.reverse();
  const named = variables.flatMap((name) => (settings[name] ? [withoutScheme(settings[name] ?? '')] : []));
  const [docker, podman] = [dockerPlaces(settings, where), podmanPlaces(settings, where)];
  const usual = { auto: [...docker, ...podman], docker, podman: [...podman, ...docker] }[choice];
  return [
    ...named.map((path) => ({ path, named: true })),
    ...usual.map((path) => ({ path, named: false })),
  ].filter(({ path }, index, all) => all.findIndex((other) => other.path === path) === index);
}

/** @param {string} host */
const withoutScheme = (host) => host.replace(/^unix:\/\//, '');

/**
 * @param {Settings} settings
 * @param {Whereabouts} where
 */
function dockerPlaces(settings, { home, platform, uid }) {
  const mac = platform === 'darwin';
  const more = mac ? '.orbstack/run' : '.docker/desktop';
  const own = ['.docker/run', '.colima/default', '.config/colima/default', '.rd', more];
  return [
    DEFAULT_SOCKET,
    ...(mac ? [] : runtimeFolders(settings, uid).map((folder) => `${folder}/docker.sock`)),
    ...own.map((folder) => `${home}/${folder}/docker.sock`),
  ];
}

/**
 * @param {Settings} settings
 * @param {Whereabouts} where
 */
function podmanPlaces(settings, { home, platform, uid }) {
  if (platform === 'darwin') {
    const machine = `${home}/.local/share/containers/podman/machine`;
    const temporary = settings.TMPDIR?.replace(/\/$/, '') ?? '/tmp';
    return [
      `${temporary}/podman/podman-machine-default-api.sock`,
      ...['podman.sock', 'podman-machine-default/podman.sock', 'qemu/podman.sock'].map(
        (name) => `${machine}/${name}`,
      ),
    ];
  }
  const own = runtimeFolders(settings, uid).map((folder) => `${folder}/podman/podman.sock`);
  return uid === 0 ? [SYSTEM_PODMAN_SOCKET, ...own] : [...own, SYSTEM_PODMAN_SOCKET];
}

export const SYSTEM_PODMAN_SOCKET = '/run/podman/podman.sock';

/**
 * @param {Settings} settings
 * @param {number | undefined} uid
 * @returns {string[]}
 */
function runtimeFolders({ XDG_RUNTIME_DIR }, uid) {
  if (XDG_RUNTIME_DIR) return [XDG_RUNTIME_DIR];
  return uid === undefined || uid === 0 ? [] : [`/run/user/${uid}`];
}

/**
 * Asks each place in turn: what answers counts, not what the socket is called. With `auto` whatever answers at a place that
 * somebody named, else Docker, else Podman.
 *
 * @param {readonly Place[]} places
 * @param {EngineChoice} [choice]
 * @param {number} [timeoutMs] for each place
 * @returns {Promise<{ engine: Engine | undefined, looks: Look[] }>}
 */
export async function findEngine(places, choice = 'auto', timeoutMs = 3_000) {
  /** @type {Look[]} */
  const looks = [];
  /** @type {Engine | undefined} */
  let second;
  for (const { path, named } of places) {
    const { look, engine } = await lookAt(path, timeoutMs);
    looks.push(look);
    if (engine === undefined || (choice !== 'auto' && choice !== engine.kind)) continue;
    if (named || choice !== 'auto' || engine.kind === 'docker') return { engine, looks };
    second ??= engine;
  }
  return { engine: second, looks };
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
  /** @type {EngineKind} */
  const kind = body.Components?.some(({ Name }) => /podman/i.test(Name ?? '')) ? 'podman' : 'docker';
  const engine = { kind, socket: place, version, arch: body.Arch ?? '' };
  return { look: { place, state: kind, detail: `${ENGINE_NAMES[kind]} ${version}` }, engine };
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
