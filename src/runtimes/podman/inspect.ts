import type { ContainerId } from '../../core/container-runtime.ts';
import type { Engine } from '../shared/engine.ts';
import { inspectContainer as inspect } from '../shared/inspected-container.ts';
import { fromInspect, type PodmanContainer } from './from-inspect.ts';

export function inspectContainer(engine: Engine, id: ContainerId): Promise<PodmanContainer | undefined> {
  return inspect(engine, id, fromInspect);
}
