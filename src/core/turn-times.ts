/** How long turns take, and by that when to come again. */
export interface TurnTimes {
  /** A turn begins now; the returned function tells its end, once. */
  begin(): () => void;
  /**
   * Whole seconds, 1 to 60, until a turn falls free for one who comes behind `waiting` others. The first turn falls free when the
   * first of the running ends: one that runs for less than the mean takes the rest of the mean, one that runs longer as long again
   * as it has run. After that all turns end one after another, evenly within the mean.
   */
  retryAfter(waiting: number): number;
}

/** How long a turn takes, before one has told. */
const FIRST_MEAN_MS = 1000;
/** How much the newest turn counts in the mean of how long they take. */
const NEWEST_SHARE = 0.2;
const MAX_RETRY_AFTER_S = 60;

/** @param turns how many may be taken at once */
export function createTurnTimes(turns: number): TurnTimes {
  /** When each turn began that is taken now, by `performance.now()`. */
  const begun = new Map<symbol, number>();
  let meanMs = FIRST_MEAN_MS;

  const restOf = (ranMs: number): number => (ranMs < meanMs ? meanMs - ranMs : ranMs);

  return {
    begin() {
      const turn = Symbol('turn');
      const at = performance.now();
      begun.set(turn, at);
      return () => {
        begun.delete(turn);
        meanMs += (performance.now() - at - meanMs) * NEWEST_SHARE;
      };
    },
    retryAfter(waiting) {
      const now = performance.now();
      const firstEndMs = Math.min(...[...begun.values()].map((at) => restOf(now - at)));
      const seconds = Math.ceil((firstEndMs + (meanMs * waiting) / turns) / 1000);
      return Math.min(MAX_RETRY_AFTER_S, Math.max(1, seconds));
    },
  };
}
