import { RuntimeError, type RuntimeErrorCode } from '../../core/container-runtime.ts';
import {
  type EngineChoice,
  isNamed,
  type SocketPlace,
  type SocketPlaces,
  socketPlaces,
  unusableNames,
} from './places.ts';
import { type Probe, probeSocket } from './probe-socket.ts';

export interface FoundEngine {
  readonly engine: 'docker' | 'podman';
  readonly socketPath: string;
}

interface Look {
  readonly place: SocketPlace;
  readonly probe: Probe;
}

/**
 * Resolves with the engine to use: with `auto` whatever answers at a place that somebody named, else Docker, else Podman.
 * When there is none it rejects, and says of every place what was wrong there. All places are asked at once.
 */
export async function findEngine(places: SocketPlaces, choice: EngineChoice): Promise<FoundEngine> {
  const looks = await Promise.all(
    socketPlaces(places, choice).map(
      async (place): Promise<Look> => ({ place, probe: await probeSocket(place.path) }),
    ),
  );
  const found = looks.flatMap(({ place, probe }) =>
    'engine' in probe ? [{ place, engine: probe.engine, socketPath: place.path }] : [],
  );
  const wanted = found.filter(({ engine }) => choice === 'auto' || engine === choice);
  const best =
    wanted.find(({ place }) => isNamed(place)) ??
    wanted.find(({ engine }) => engine === 'docker') ??
    wanted.find(({ engine }) => engine === 'podman');
  if (best !== undefined) return { engine: best.engine, socketPath: best.socketPath };
  throw notFound(choice, [...unusableNames(places)], looks);
}

const NAMES = { auto: 'container engine', docker: 'Docker engine', podman: 'Podman engine' } as const;

function notFound(choice: EngineChoice, unusable: readonly string[], looks: readonly Look[]): RuntimeError {
  const failures = looks.map((look) => toFailure(choice, look));
  const tried = [
    ...unusable,
    ...failures.map(({ place, reason }) => `${place.path} (${place.origin}): ${reason}`),
  ];
  // That Docker has its own socket is no fault of somebody who wants Podman.
  const telling = failures.filter(({ place }) => choice !== 'podman' || place.origin !== 'usual for Docker');
  const worst = telling.find(({ code }) => code !== 'unavailable');
  return new RuntimeError(
    worst?.code ?? 'unavailable',
    `No ${NAMES[choice]} answers. Tried ${tried.join('; ')}. ${toCure(choice, worst, failures)}`,
  );
}

interface Failure {
  readonly place: SocketPlace;
  readonly reason: string;
  readonly code: RuntimeErrorCode;
  /** The engine that answers there and wasn't asked for. */
  readonly other?: 'docker' | 'podman';
}

function toFailure(choice: EngineChoice, { place, probe }: Look): Failure {
  if (!('engine' in probe)) {
    // Of the usual places most are empty.
    const empty = probe.code === 'no_socket' && place.origin !== 'DOCKER_SOCKET_PATH';
    return { place, ...probe, ...(empty ? { code: 'unavailable' } : {}) };
  }
  const [has, wants] = probe.engine === 'podman' ? ['Podman', 'Docker'] : ['Docker', 'Podman'];
  const reason = `${has} answers there, and AA_RUNTIME=${choice} asks for ${wants}`;
  return { place, reason, code: 'wrong_engine', other: probe.engine };
}

/** What to do: what stands nearest to a running engine decides. */
function toCure(choice: EngineChoice, worst: Failure | undefined, failures: readonly Failure[]): string {
  if (worst?.code === 'permission_denied')
    return 'Let this user open the socket: with Docker by `sudo usermod -aG docker "$USER"`, then log in again; or name another one in DOCKER_SOCKET_PATH.';
  const isOrdered = failures.some(({ place }) => place.origin === 'DOCKER_SOCKET_PATH');
  const other = failures.find((failure) => failure.other !== undefined)?.other;
  if (other !== undefined) {
    const start = isOrdered
      ? ''
      : `, start ${choice === 'docker' ? 'Docker' : 'Podman'} (\`npm run setup\` does)`;
    return `Set AA_RUNTIME=${other} to use what answers${start}, or name another socket in DOCKER_SOCKET_PATH.`;
  }
  if (worst?.code === 'no_socket')
    return 'Correct DOCKER_SOCKET_PATH, or start the engine that makes this socket.';
  return isOrdered
    ? 'Start the engine that listens there, or correct DOCKER_SOCKET_PATH.'
    : 'Start one (`npm run setup` does), or name its socket in DOCKER_SOCKET_PATH.';
}
