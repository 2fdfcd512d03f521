import { type ContainerRuntime, RuntimeError } from './container-runtime.ts';
import { AppError, internalError } from './errors.ts';

/** The command that builds the worker image on this engine, as every message about a missing image names it. */
export function buildCommand(image: string, engine: ContainerRuntime['name'] = 'docker'): string {
  const build = `${engine === 'podman' ? 'podman' : 'docker'} build -t ${image}`;
  return image.endsWith(':data') ? `${build} -f worker/Dockerfile.data worker` : `${build} worker`;
}

/** What a client hears when the engine failed before a program ran. The engine's own words stay in `cause`. */
export function toEngineError(
  error: unknown,
  image: string,
  engine: ContainerRuntime['name'] = 'docker',
): AppError {
  if (error instanceof AppError) return error;
  if (!(error instanceof RuntimeError)) return internalError(error);
  const options = { cause: error };
  switch (error.code) {
    case 'image_not_found':
      return new AppError(
        'image_unavailable',
        `The worker image ${image} is not on the engine: build it with \`${buildCommand(image, engine)}\` or run \`npm run setup\`.`,
        options,
      );
    case 'limit_discarded':
      return new AppError(
        'limits_not_enforced',
        "The engine accepted the run but drops one of its limits: see the service's log for which, and AA_ALLOW_UNENFORCED for accepting that.",
        options,
      );
    case 'runtime_unknown':
      return new AppError(
        'misconfigured',
        'The engine has no OCI runtime of the name in AA_OCI_RUNTIME: register it with the engine (with Podman: as `runtime` in containers.conf) or unset the variable.',
        options,
      );
    case 'mount_missing':
      return new AppError(
        'misconfigured',
        "The engine doesn't see the storage folder: AA_STORAGE_PATH must be the same path for the service and for the engine's host.",
        options,
      );
    case 'wrong_engine':
      return new AppError(
        'misconfigured',
        'What answers on the engine socket is another kind of engine than AA_RUNTIME names: change AA_RUNTIME or DOCKER_SOCKET_PATH.',
        options,
      );
    case 'no_socket':
      return new AppError(
        'engine_unavailable',
        'The container engine does not answer: there is no socket where DOCKER_SOCKET_PATH says. Correct DOCKER_SOCKET_PATH, or start the engine that makes this socket.',
        options,
      );
    case 'permission_denied':
      return new AppError(
        'engine_unavailable',
        'The service may not open the engine socket: let its user into the socket\'s group, with Docker by `sudo usermod -aG docker "$USER"`, then log in again.',
        options,
      );
    case 'unavailable':
    case 'not_found':
    case 'conflict':
    case 'engine_failed':
      return new AppError(
        'engine_unavailable',
        'The container engine does not answer or failed: start it (`npm run setup` does) and try again.',
        options,
      );
  }
}
