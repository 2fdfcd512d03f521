/** Who asks for turns; `undefined` where callers aren't told apart. */
export type CallerName = string | undefined;

/**
 * Who waits for a turn and who has one. The next turn goes to a caller of whom the fewest have one, and among those to whom has
 * waited longest. No call looks at every waiter: each costs a look at the callers who have some.
 */
export interface FairQueue<W extends { readonly caller: CallerName }> {
  /** Turns that are taken. */
  readonly running: number;
  readonly waiting: number;
  /** Callers who have somebody waiting. */
  readonly waitingCallers: number;
  waitingOf(caller: CallerName): number;
  /** How many turns there will be until this waiter's own, itself included, as things stand now. */
  add(waiter: W): number;
  /** False when it didn't wait. */
  remove(waiter: W): boolean;
  /** Whose turn is next; stays in the queue. */
  next(): W | undefined;
  /** Everyone who waits now, caller by caller. */
  waiters(): readonly W[];
  begin(caller: CallerName): void;
  end(caller: CallerName): void;
}

/** One caller's waiters, the oldest first, each with its number in the order of all that came. */
type Line<W> = Map<W, number>;

export function createFairQueue<W extends { readonly caller: CallerName }>(): FairQueue<W> {
  const lines = new Map<CallerName, Line<W>>();
  const runningOf = new Map<CallerName, number>();
  let running = 0;
  let waiting = 0;
  let came = 0;

  const turnsOf = (caller: CallerName): number => runningOf.get(caller) ?? 0;

  const count = (caller: CallerName, change: 1 | -1): void => {
    running += change;
    const now = turnsOf(caller) + change;
    if (now === 0) runningOf.delete(caller);
    else runningOf.set(caller, now);
  };

  /**
   * How many are before the newest waiter of this line. The k-th of a line has its turn when its caller has k more than now, and
   * whoever came earlier goes first among equals: of another line go all who come to no more turns than the newest will.
   */
  const countBefore = (caller: CallerName, line: Line<W>): number => {
    const turns = turnsOf(caller) + line.size - 1;
    let before = line.size - 1;
    for (const [other, { size }] of lines) {
      if (other !== caller) before += Math.min(size, Math.max(0, turns - turnsOf(other) + 1));
    }
    return before;
  };

  return {
    get running() {
      return running;
    },
    get waiting() {
      return waiting;
    },
    get waitingCallers() {
      return lines.size;
    },
    waitingOf: (caller) => lines.get(caller)?.size ?? 0,
    add(waiter) {
      const line: Line<W> = lines.get(waiter.caller) ?? new Map();
      lines.set(waiter.caller, line.set(waiter, came));
      came += 1;
      waiting += 1;
      return countBefore(waiter.caller, line) + 1;
    },
    remove(waiter) {
      const line = lines.get(waiter.caller);
      if (line === undefined || !line.delete(waiter)) return false;
      if (line.size === 0) lines.delete(waiter.caller);
      waiting -= 1;
      return true;
    },
    next() {
      let next: { readonly waiter: W; readonly turns: number; readonly order: number } | undefined;
      for (const [caller, line] of lines) {
        const turns = turnsOf(caller);
        for (const [waiter, order] of line) {
          const isBefore =
            next === undefined || turns < next.turns || (turns === next.turns && order < next.order);
          if (isBefore) next = { waiter, turns, order };
          break;
        }
      }
      return next?.waiter;
    },
    waiters: () => [...lines.values()].flatMap((line) => [...line.keys()]),
    begin: (caller) => count(caller, 1),
    end: (caller) => count(caller, -1),
  };
}
