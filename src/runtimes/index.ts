import { type ContainerRuntime, RuntimeError } from '../core/container-runtime.ts';
import type { Logger } from '../core/logger.ts';
import { findSocket, type SocketPlaces } from './docker/find-socket.ts';
import { createDockerRuntime } from './docker/index.ts';

export interface CreateRuntimeOptions extends SocketPlaces {
  readonly kind: 'auto' | 'docker' | 'podman';
  readonly logger: Logger;
  /** How long one call to the engine may take, in ms. */
  readonly deadlineMs?: number;
}

/**
 * The runtime that the configuration asks for. Needs no living engine: it's looked for at the first call, and again
 * after each connection that failed.
 */
export function createRuntime(options: CreateRuntimeOptions): ContainerRuntime {
  if (options.kind === 'podman') {
    throw new RuntimeError(
      'wrong_engine',
      'This version drives Docker only. Set AA_RUNTIME=docker or leave it out.',
    );
  }
  const { logger, deadlineMs } = options;
  return createDockerRuntime({
    socketPath: () => findSocket(options),
    logger,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  });
}
