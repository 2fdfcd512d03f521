import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerId } from '../../core/container-runtime.ts';
import { containerPath } from '../shared/container-path.ts';
import type { Engine } from '../shared/engine.ts';
import type { PendingWait } from '../shared/watch-exit.ts';

/** Waits for one container's end. */
export interface Waiter {
  wait(): PendingWait;
  /** Its output has ended, so that it's likely to have ended or to end any moment: the wait under way is over. */
  expectEnd(): void;
}

/** How often the engine looks by itself. More often would cost it several percent of a processor for each run. */
const INTERVAL = '250ms';
/** Most programs end before it's worth asking; their output's end tells. */
const FIRST_ASKED_AFTER_MS = 1000;
/** How long after its output's end a container is looked at without the engine being waited for. */
const EXPECTED_FOR_MS = 1000;

/**
 * The engine's own wait is answered only once it has cleaned up behind the program, tens of milliseconds after its record tells
 * the end. So it's the fallback, and the end of the output is what makes somebody look.
 */
export function createWaiter(engine: Engine, id: ContainerId): Waiter {
  const hint = new AbortController();
  let hintedAt: number | undefined;
  let asked = false;

  const ask = async (until: AbortSignal): Promise<void> => {
    const request = { what: `wait ${id}`, method: 'POST', path: containerPath(id, '/wait') } as const;
    // Its answer is no news, nor is its failure: whoever waits looks at the engine's record.
    await engine.request({ ...request, query: { interval: INTERVAL }, until }).catch(() => {});
  };

  const untilAnswered = async (): Promise<void> => {
    if (hintedAt !== undefined) {
      if (performance.now() - hintedAt > EXPECTED_FOR_MS) await ask(NEVER);
      return;
    }
    if (!asked) await sleep(FIRST_ASKED_AFTER_MS, undefined, { signal: hint.signal }).catch(() => {});
    asked = true;
    if (!hint.signal.aborted) await ask(hint.signal);
  };

  return {
    wait: () => ({ answered: untilAnswered() }),
    expectEnd() {
      hintedAt ??= performance.now();
      hint.abort();
    },
  };
}

const NEVER = new AbortController().signal;

/** Between two looks at a container that should have ended: soon at first, then ever more seldom. */
export const pauseMs = (round: number): number => Math.min(1000, 2 ** Math.min(round + 1, 10));
