import type { ContainerRuntime } from '../core/container-runtime.ts';
import type { Logger } from '../core/logger.ts';
import { createAutoRuntime } from './auto.ts';
import { findEngine } from './discovery/find-engine.ts';
import type { EngineChoice, SocketPlaces } from './discovery/places.ts';
import { createDockerRuntime } from './docker/index.ts';
import { createPodmanRuntime } from './podman/index.ts';

export interface CreateRuntimeOptions extends SocketPlaces {
  readonly kind: EngineChoice;
  readonly logger: Logger;
  /** How long one call to the engine may take, in ms. */
  readonly deadlineMs?: number;
}

/**
 * The runtime that the configuration asks for. Needs no living engine: it's looked for at the first call, and again
 * after each connection that failed.
 */
export function createRuntime(options: CreateRuntimeOptions): ContainerRuntime {
  const { kind, logger, deadlineMs } = options;
  const create = (engine: 'docker' | 'podman'): ContainerRuntime => {
    const settings = {
      socketPath: async () => (await findEngine(options, engine)).socketPath,
      logger,
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    };
    return engine === 'docker' ? createDockerRuntime(settings) : createPodmanRuntime(settings);
  };
  if (kind !== 'auto') return create(kind);
  return createAutoRuntime(async () => create((await findEngine(options, 'auto')).engine));
}
