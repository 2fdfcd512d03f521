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
  const failures = looks.map(({ place, probe }) => ({ place, ...toFailure(choice, probe) }));
  const tried = [
    ...unusable,
    ...failures.map(({ place, reason }) => `${place.path} (${place.origin}): ${reason}`),
  ];
  // That Docker has its own socket is no fault of somebody who wants Podman.
  const telling = failures.filter(({ place }) => choice !== 'podman' || place.origin !== 'usual for Docker');
  const code = telling.find((failure) => failure.code !== 'unavailable')?.code ?? 'unavailable';
  return new RuntimeError(
    code,
    `No ${NAMES[choice]} answers. Tried ${tried.join('; ')}. Start one (\`npm run setup\` does), or name its socket in DOCKER_SOCKET_PATH.`,
  );
}

function toFailure(choice: EngineChoice, probe: Probe): { reason: string; code: RuntimeErrorCode } {
  if (!('engine' in probe)) return probe;
  const [has, wants] = probe.engine === 'podman' ? ['Podman', 'Docker'] : ['Docker', 'Podman'];
  return {
    reason: `${has} answers there, and AA_RUNTIME=${choice} asks for ${wants}: set AA_RUNTIME=${probe.engine} to use it`,
    code: 'wrong_engine',
  };
}
