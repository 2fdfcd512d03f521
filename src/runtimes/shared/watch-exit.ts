import { setTimeout as sleep } from 'node:timers/promises';
import { type ContainerId, RuntimeError } from '../../core/container-runtime.ts';
import type { Engine } from './engine.ts';
import type { InspectedContainer } from './inspected-container.ts';
import { isAway } from './is-away.ts';

/** A wait that the engine has been asked for; its answer comes when the container has ended. */
export interface PendingWait {
  /** Settles when the engine has answered, the connection broke, or something else tells that it's worth a look. Never rejects. */
  readonly answered: Promise<unknown>;
}

export interface ExitWatch {
  readonly engine: Engine;
  readonly id: ContainerId;
  readonly first: PendingWait;
  readonly inspect: () => Promise<InspectedContainer | undefined>;
  readonly waitAgain: () => Promise<PendingWait>;
  /** How long to pause after a look that found the container running, by how many there were before. */
  readonly pauseMs?: (round: number) => number;
  /** Rejects when this record isn't the program's own end; absent: every record is. */
  readonly confirm?: (record: InspectedContainer) => Promise<void>;
}

const ASK_AGAIN_MS = 200;
const ENDS_BY_ENGINE = [137, 143, 255];

/**
 * Resolves with the engine's record once that says the container has ended; however long the run is silent.
 *
 * A wait's answer only means "look": it can come early, carry -1, or break off in a proxy. Rejects when the engine stays
 * away for one deadline, when the container is gone, or when the engine can't tell how the program ended.
 */
export async function watchExit({
  engine,
  id,
  first,
  inspect,
  waitAgain,
  confirm,
  pauseMs = usualPause,
}: ExitWatch): Promise<InspectedContainer> {
  let wait = first;
  let engineWasAway = false;
  const persist = async <T>(ask: () => Promise<T>): Promise<T> => {
    const giveUpAt = Date.now() + engine.deadlineMs;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        const passing = isAway(error) && !engine.closed;
        if (!passing || Date.now() >= giveUpAt) throw error;
        engineWasAway = true;
        await sleep(ASK_AGAIN_MS);
      }
    }
  };

  for (let round = 0; ; round += 1) {
    await wait.answered;
    const record = await persist(inspect);
    if (record === undefined) {
      throw new RuntimeError('not_found', `${id} was removed before its end could be read`);
    }
    if (record.state.status === 'exited') {
      await confirm?.(record);
      return trusted(record, engineWasAway);
    }
    await sleep(pauseMs(round));
    wait = await persist(waitAgain);
  }
}

const usualPause = (round: number): number => Math.min(1000, 20 * 2 ** Math.min(round, 6));

/** An engine that comes back without its containers has ended them itself, by 143 or 137, or records a made-up end, 255. */
function trusted(record: InspectedContainer, engineWasAway: boolean): InspectedContainer {
  const code = record.state.exitCode;
  if (code === undefined || code < 0 || code > 255) {
    throw new RuntimeError('engine_failed', `the engine recorded exit code ${code}: ${record.error}`);
  }
  if (engineWasAway && ENDS_BY_ENGINE.includes(code)) {
    throw new RuntimeError(
      'unavailable',
      `the engine was away during the run and recorded exit code ${code}`,
    );
  }
  return record;
}
