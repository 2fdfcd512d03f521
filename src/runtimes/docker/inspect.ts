import type { ContainerId } from '../../core/container-runtime.ts';
import type { Engine } from '../shared/engine.ts';
import { type InspectedContainer, inspectContainer as inspect } from '../shared/inspected-container.ts';
import { fromInspect } from './from-inspect.ts';

export function inspectContainer(engine: Engine, id: ContainerId): Promise<InspectedContainer | undefined> {
  return inspect(engine, id, fromInspect);
}
