import { type ContainerId, RuntimeError } from '../../core/container-runtime.ts';
import { containerPath } from './container-path.ts';
import type { Engine } from './engine.ts';

export async function killContainer(
  engine: Engine,
  id: ContainerId,
  signal: 'SIGTERM' | 'SIGKILL',
): Promise<void> {
  try {
    await engine.request({
      what: `kill ${id}`,
      method: 'POST',
      path: containerPath(id, '/kill'),
      query: { signal },
    });
  } catch (error) {
    if (!(error instanceof RuntimeError) || !meansEnded(error)) throw error;
  }
}

/** Engines before API 1.29 answer 500 where later ones answer 409. */
function meansEnded(error: RuntimeError): boolean {
  return error.code === 'not_found' || error.code === 'conflict' || /is not running/.test(error.message);
}
