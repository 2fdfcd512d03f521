import { setTimeout as sleep } from 'node:timers/promises';
import { type ContainerId, RuntimeError } from '../../core/container-runtime.ts';
import { containerPath } from './container-path.ts';
import type { Engine } from './engine.ts';
import { isAway } from './is-away.ts';

/** Waits between attempts, in ms: 6 s in all, for a removal already in progress or a mount that is still busy. */
const BACKOFF = [50, 100, 200, 400, 800, 1500, 3000];

/** Safe to repeat, so what may pass is asked again: 409 (in progress), 500 (busy), a connection that broke. */
export async function removeContainer(engine: Engine, id: ContainerId): Promise<void> {
  const startedAt = Date.now();
  for (let attempt = 0; ; attempt += 1) {
    try {
      await engine.request({
        what: `remove ${id}`,
        method: 'DELETE',
        path: containerPath(id),
        // Podman would otherwise give the program ten seconds to stop; Docker knows no such parameter and ignores it.
        query: { force: 'true', v: 'true', timeout: '0' },
      });
      return;
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      if (error.code === 'not_found') return;
      const pause = BACKOFF[attempt];
      // An engine that is away is asked twice, and not at all after one full deadline of silence.
      const away = isAway(error) && (attempt > 0 || Date.now() - startedAt >= engine.deadlineMs);
      const passing = isAway(error) || error.code === 'conflict' || error.code === 'engine_failed';
      if (pause === undefined || away || !passing || engine.closed) throw error;
      await sleep(pause);
    }
  }
}
