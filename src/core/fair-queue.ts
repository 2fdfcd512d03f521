/** Who asks for turns; `undefined` where callers aren't told apart. */
export type CallerName = string | undefined;

export interface FairQueueOptions {
  /** Turns that may be taken at once. */
  readonly turns: number;
  /** How many callers there are; 0 where they aren't told apart. */
  readonly callers: number;
}

/**
 * Who waits for a turn and who has one. The next turn goes to a caller of whom the fewest have one, and among those to whom has
 * waited longest. Of several turns the last is kept, while there is a caller who has none, for such a caller. No call looks at
 * every waiter: each costs a look at the callers who have some.
 */
export interface FairQueue<W extends { readonly caller: CallerName }> {
  /** Turns that are taken. */
  readonly running: number;
  readonly waiting: number;
  /** Callers who have somebody waiting. */
  readonly waitingCallers: number;
  waitingOf(caller: CallerName): number;
  /** Whether there is a turn that this caller may take. */
  mayBegin(caller: CallerName): boolean;
  /** How many turns there will be until this waiter's own, itself included, as things stand now. */
  add(waiter: W): number;
  /** False when it didn't wait. */
  remove(waiter: W): boolean;
  /** Whose turn has come, if anybody's; stays in the queue. */
  next(): W | undefined;
  /** Everyone who waits now, caller by caller. */
  waiters(): readonly W[];
  begin(caller: CallerName): void;
  end(caller: CallerName): void;
}

/** One caller's waiters, the oldest first, each with its number in the order of all that came. */
type Line<W> = Map<W, number>;
type Lines<W> = ReadonlyMap<CallerName, Line<W>>;
type TurnsOf = (caller: CallerName) => number;

export function createFairQueue<W extends { readonly caller: CallerName }>({
  turns: most,
  callers,
}: FairQueueOptions): FairQueue<W> {
  const lines = new Map<CallerName, Line<W>>();
  const runningOf = new Map<CallerName, number>();
  let running = 0;
  let waiting = 0;
  let came = 0;

  const turnsOf: TurnsOf = (caller) => runningOf.get(caller) ?? 0;

  const mayBegin = (caller: CallerName): boolean => {
    const isKept = callers > 1 && most > 1 && runningOf.size < callers;
    return running < (isKept && runningOf.has(caller) ? most - 1 : most);
  };

  const count = (caller: CallerName, change: 1 | -1): void => {
    running += change;
    const now = turnsOf(caller) + change;
    if (now === 0) runningOf.delete(caller);
    else runningOf.set(caller, now);
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
    mayBegin,
    add(waiter) {
      const line: Line<W> = lines.get(waiter.caller) ?? new Map();
      lines.set(waiter.caller, line.set(waiter, came));
      came += 1;
      waiting += 1;
      return countBefore(lines, waiter.caller, turnsOf) + 1;
    },
    remove(waiter) {
      const line = lines.get(waiter.caller);
      if (line === undefined || !line.delete(waiter)) return false;
      if (line.size === 0) lines.delete(waiter.caller);
      waiting -= 1;
      return true;
    },
    next() {
      const next = firstOf(lines, turnsOf);
      // Whoever has the fewest turns may take one if anybody may.
      return next !== undefined && mayBegin(next.caller) ? next : undefined;
    },
    waiters: () => [...lines.values()].flatMap((line) => [...line.keys()]),
    begin: (caller) => count(caller, 1),
    end: (caller) => count(caller, -1),
  };
}

/**
 * How many are before the newest waiter of a caller. The k-th of a line has its turn when its caller has k more than now, and
 * whoever came earlier goes first among equals: of another line go all who come to no more turns than the newest will.
 */
function countBefore<W>(lines: Lines<W>, caller: CallerName, turnsOf: TurnsOf): number {
  const own = (lines.get(caller)?.size ?? 1) - 1;
  const turns = turnsOf(caller) + own;
  let before = own;
  for (const [other, { size }] of lines) {
    if (other !== caller) before += Math.min(size, Math.max(0, turns - turnsOf(other) + 1));
  }
  return before;
}

/** The oldest waiter of those whose callers have the fewest turns. */
function firstOf<W>(lines: Lines<W>, turnsOf: TurnsOf): W | undefined {
  let first: { readonly waiter: W; readonly turns: number; readonly order: number } | undefined;
  for (const [caller, line] of lines) {
    const turns = turnsOf(caller);
    for (const [waiter, order] of line) {
      if (first === undefined || turns < first.turns || (turns === first.turns && order < first.order)) {
        first = { waiter, turns, order };
      }
      break;
    }
  }
  return first?.waiter;
}
