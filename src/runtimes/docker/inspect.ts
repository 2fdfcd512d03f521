import { type ContainerId, RuntimeError } from '../../core/container-runtime.ts';
import type { Engine } from './connect.ts';
import { containerPath } from './container-path.ts';
import { fromInspect, type InspectedContainer } from './from-inspect.ts';

export async function inspectContainer(
  engine: Engine,
  id: ContainerId,
): Promise<InspectedContainer | undefined> {
  try {
    return fromInspect(
      await engine.request({ what: `inspect ${id}`, method: 'GET', path: containerPath(id, '/json') }),
    );
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'not_found') return undefined;
    throw error;
  }
}
