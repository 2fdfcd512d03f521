import { RuntimeError } from '../../core/container-runtime.ts';
import type { Engine } from '../shared/engine.ts';
import type { InspectedContainer } from '../shared/inspected-container.ts';

const BY_SIGNAL = [137, 143];

/**
 * Rejects when the program was ended by an engine that is being stopped: that takes no new connections first, then ends its
 * containers, and answers on old connections meanwhile. Its record is then the program's end as little as after its return.
 */
export async function confirmEnd(
  engine: Pick<Engine, 'takesConnections'>,
  { state }: InspectedContainer,
): Promise<void> {
  if (state.oomKilled || !BY_SIGNAL.includes(state.exitCode ?? 0)) return;
  if (await engine.takesConnections()) return;
  throw new RuntimeError('unavailable', `the engine was being stopped when ${state.id} ended`);
}
