import { stat } from 'node:fs/promises';
import { request } from 'node:http';
import type { RuntimeErrorCode } from '../../core/container-runtime.ts';

/** What answers at a socket; or why nothing does, in words that follow the place's name. */
export type Probe =
  | { readonly engine: 'docker' | 'podman' }
  | { readonly reason: string; readonly code: RuntimeErrorCode };

const PROBE_MS = 2000;

/** Asks who listens there: an engine is what answers, not what a socket is called. Never rejects; takes two seconds at most. */
export async function probeSocket(socketPath: string): Promise<Probe> {
  try {
    const answer = await getVersion(socketPath);
    if (/podman/i.test(answer)) return { engine: 'podman' };
    if (answer.includes('"ApiVersion"')) return { engine: 'docker' };
    return { reason: 'what answers there is no container engine', code: 'wrong_engine' };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    switch (code) {
      case 'ENOENT':
      case 'ENOTDIR':
        return { reason: 'does not exist', code: 'no_socket' };
      case 'EACCES':
      case 'EPERM':
        return { reason: 'exists, but this user may not open it', code: 'permission_denied' };
      case 'ECONNREFUSED':
        return await whyRefused(socketPath);
      default:
        return { reason: error instanceof Error ? error.message : String(error), code: 'unavailable' };
    }
  }
}

/** An engine that is to mount a socket which isn't there makes a folder of its name. */
async function whyRefused(path: string): Promise<Probe> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined || stats.isSocket())
    return { reason: 'exists, but nobody listens', code: 'unavailable' };
  const reason = stats.isDirectory()
    ? 'is a folder, not a socket: a container whose DOCKER_SOCKET_PATH names nothing on its host gets one'
    : 'is a file, not a socket';
  return { reason, code: 'no_socket' };
}

/** The one route that both kinds of engine answer, and in which each names itself. */
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
