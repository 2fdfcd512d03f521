import type { ContainerId } from '../../core/container-runtime.ts';
import { containerPath } from '../shared/container-path.ts';
import type { Engine } from '../shared/engine.ts';
import type { PendingWait } from '../shared/watch-exit.ts';

/** Waits for one container's end. */
export interface Waiter {
  wait(): PendingWait;
  /** Its output has ended, so that it's likely to end any moment: the wait under way becomes a quick one. */
  expectEnd(): void;
}

/** The engine looks by itself, as often as it's told: quickly costs it several percent of a processor for each run. */
const SELDOM = '250ms';
const QUICKLY = '3ms';
const QUICK_FOR_MS = 1000;

export function createWaiter(engine: Engine, id: ContainerId): Waiter {
  let expecting = false;
  let hurry = new AbortController();

  const ask = async (interval: string, until: AbortSignal): Promise<void> => {
    const path = containerPath(id, '/wait');
    // Its answer is no news, nor is its failure: whoever waits looks at the engine's record.
    await engine
      .request({ what: `wait ${id}`, method: 'POST', path, query: { interval }, until })
      .catch(() => {});
  };

  const untilAnswered = async (): Promise<void> => {
    if (!expecting) {
      await ask(SELDOM, hurry.signal);
      if (!hurry.signal.aborted) return;
    }
    // Once for each hint: a program that merely closed its output may run on for long.
    expecting = false;
    hurry = new AbortController();
    await ask(QUICKLY, AbortSignal.timeout(QUICK_FOR_MS));
  };

  return {
    wait() {
      return { answered: untilAnswered(), abandon: () => hurry.abort() };
    },
    expectEnd() {
      expecting = true;
      hurry.abort();
    },
  };
}
