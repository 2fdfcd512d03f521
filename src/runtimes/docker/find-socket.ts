import { request } from 'node:http';
import { RuntimeError, type RuntimeErrorCode } from '../../core/container-runtime.ts';

export interface SocketCandidate {
  readonly path: string;
  /** Who named it, for the message when nothing answers there. */
  readonly origin: string;
}

export interface SocketPlaces {
  /** Set by the operator: then it's the only place. */
  readonly socketPath?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
  readonly home: string;
  /** Instead of the places where engines usually listen. */
  readonly usual?: readonly string[];
}

const PROBE_MS = 2000;

/** Where a Docker engine may listen, in the order in which they are tried. */
export function socketCandidates(places: SocketPlaces): readonly SocketCandidate[] {
  const { socketPath, env } = places;
  if (socketPath !== undefined) return [{ path: socketPath, origin: 'DOCKER_SOCKET_PATH' }];
  const host = env.DOCKER_HOST ?? '';
  const named = host.startsWith('unix://')
    ? [{ path: host.slice('unix://'.length), origin: 'DOCKER_HOST' }]
    : [];
  const usual = (places.usual ?? usualPlaces(places)).map((path) => ({ path, origin: 'usual place' }));
  return [...named, ...usual].filter(
    ({ path }, index, all) => all.findIndex((other) => other.path === path) === index,
  );
}

function usualPlaces({ platform, home }: SocketPlaces): readonly string[] {
  const below = ['.docker/run', '.colima/default', ...(platform === 'darwin' ? ['.orbstack/run'] : [])];
  return ['/var/run/docker.sock', ...below.map((folder) => `${home}/${folder}/docker.sock`)];
}

/** Resolves with the first socket where Docker answers; else rejects and says of every place what was wrong there. */
export async function findSocket(places: SocketPlaces): Promise<string> {
  const failures: { line: string; code: RuntimeErrorCode }[] = [];
  const host = places.env.DOCKER_HOST;
  if (places.socketPath === undefined && host !== undefined && host !== '' && !host.startsWith('unix://')) {
    failures.push({
      line: `DOCKER_HOST=${withoutUserInfo(host)}: not a unix socket, skipped`,
      code: 'unavailable',
    });
  }
  for (const candidate of socketCandidates(places)) {
    const failure = await probe(candidate.path);
    if (failure === undefined) return candidate.path;
    failures.push({ line: `${candidate.path} (${candidate.origin}): ${failure.reason}`, code: failure.code });
  }
  const decisive = failures.find(({ code }) => code !== 'unavailable');
  throw new RuntimeError(
    decisive?.code ?? 'unavailable',
    `No Docker engine answers. Tried ${failures.map(({ line }) => line).join('; ')}.`,
  );
}

interface ProbeFailure {
  readonly reason: string;
  readonly code: RuntimeErrorCode;
}

async function probe(socketPath: string): Promise<ProbeFailure | undefined> {
  try {
    const answer = await getVersion(socketPath);
    if (/podman/i.test(answer)) return { reason: 'Podman answers there, not Docker', code: 'wrong_engine' };
    if (!answer.includes('"ApiVersion"'))
      return { reason: 'what answers there is not Docker', code: 'wrong_engine' };
    return undefined;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    switch (code) {
      case 'ENOENT':
        return { reason: 'does not exist', code: 'unavailable' };
      case 'EACCES':
      case 'EPERM':
        return { reason: 'exists, but this user may not open it', code: 'permission_denied' };
      case 'ECONNREFUSED':
        return { reason: 'exists, but nobody listens', code: 'unavailable' };
      default:
        return { reason: error instanceof Error ? error.message : String(error), code: 'unavailable' };
    }
  }
}

function getVersion(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/version', agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        clearTimeout(timer);
        resolve(Buffer.concat(chunks).toString('utf8'));
      });
    });
    const timer = setTimeout(() => {
      asked.destroy(new Error(`accepts connections, but did not answer within ${PROBE_MS} ms`));
    }, PROBE_MS);
    asked.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    asked.end();
  });
}

function withoutUserInfo(host: string): string {
  return host.replace(/\/\/[^/@]*@/, '//');
}
