import type { Readable } from 'node:stream';
import { type ContainerId, RuntimeError } from '../../core/container-runtime.ts';
import { containerPath } from '../shared/container-path.ts';
import type { Engine } from '../shared/engine.ts';
import type { PendingWait } from '../shared/watch-exit.ts';

/** The container's multiplexed output from now on. */
export function openOutput(engine: Engine, id: ContainerId): Promise<Readable> {
  return engine.open({
    what: `attach ${id}`,
    method: 'POST',
    path: containerPath(id, '/attach'),
    query: { stream: 'true', stdout: 'true', stderr: 'true' },
    hijack: true,
  });
}

/** A wait that can be given up. */
export interface OpenWait extends PendingWait {
  abandon(): void;
}

/**
 * `next-exit` before the start (without it the engine may answer at once), `not-running` after it (so that an end
 * between two waits isn't missed). The engine sends the answer's head once it watches, and that is what is awaited.
 */
export async function openWait(
  engine: Engine,
  id: ContainerId,
  condition: 'next-exit' | 'not-running',
): Promise<OpenWait> {
  const answer = await engine.open({
    what: `wait ${id}`,
    method: 'POST',
    path: containerPath(id, '/wait'),
    query: { condition },
  });
  return { answered: readsToEnd(answer), abandon: () => answer.destroy() };
}

async function readsToEnd(answer: Readable): Promise<void> {
  try {
    for await (const _ of answer);
  } catch {
    // A wait that breaks off means the same as one that is answered: look at the record.
  }
}

/** Opens both or neither. */
export async function openBoth(
  engine: Engine,
  id: ContainerId,
): Promise<{ output: Readable; wait: OpenWait }> {
  const [output, wait] = await Promise.allSettled([
    openOutput(engine, id),
    openWait(engine, id, 'next-exit'),
  ]);
  if (output.status === 'fulfilled' && wait.status === 'fulfilled')
    return { output: output.value, wait: wait.value };
  if (output.status === 'fulfilled') output.value.destroy();
  if (wait.status === 'fulfilled') wait.value.abandon();
  const reason: unknown =
    output.status === 'rejected' ? output.reason : wait.status === 'rejected' ? wait.reason : undefined;
  throw reason instanceof RuntimeError
    ? reason
    : new RuntimeError('unavailable', `attach ${id} failed`, { cause: reason });
}
