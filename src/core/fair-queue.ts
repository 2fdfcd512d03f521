/** Who asks for turns; `undefined` where callers aren't told apart. */
export type CallerName = string | undefined;

/**
 * Who waits for a turn and who has one. The next turn goes to a caller of whom the fewest have one, and among those to whom has
 * waited longest.
 */
export interface FairQueue<W extends { readonly caller: CallerName }> {
  /** Turns that are taken. */
  readonly running: number;
  /** In the order in which they came. */
  readonly waiting: ReadonlySet<W>;
  add(waiter: W): void;
  remove(waiter: W): void;
  next(): W | undefined;
  /** How many turns there will be until this waiter's own, itself included, as things stand now. */
  position(waiter: W): number;
  begin(caller: CallerName): void;
  end(caller: CallerName): void;
}

export function createFairQueue<W extends { readonly caller: CallerName }>(): FairQueue<W> {
  const waiting = new Set<W>();
  const runningOf = new Map<CallerName, number>();
  let running = 0;

  const count = (caller: CallerName, change: 1 | -1): void => {
    running += change;
    const now = turnsOf(runningOf, caller) + change;
    if (now === 0) runningOf.delete(caller);
    else runningOf.set(caller, now);
  };

  return {
    get running() {
      return running;
    },
    waiting,
    add: (waiter) => void waiting.add(waiter),
    remove: (waiter) => void waiting.delete(waiter),
    next: () => nextOf(waiting, runningOf),
    position(waiter) {
      const left = new Set(waiting);
      const turns = new Map(runningOf);
      for (let position = 1; ; position += 1) {
        const next = nextOf(left, turns);
        if (next === undefined || next === waiter) return position;
        left.delete(next);
        turns.set(next.caller, turnsOf(turns, next.caller) + 1);
      }
    },
    begin: (caller) => count(caller, 1),
    end: (caller) => count(caller, -1),
  };
}

type Turns = ReadonlyMap<CallerName, number>;

function nextOf<W extends { readonly caller: CallerName }>(
  waiting: ReadonlySet<W>,
  turns: Turns,
): W | undefined {
  let next: W | undefined;
  for (const waiter of waiting) {
    if (next === undefined || turnsOf(turns, waiter.caller) < turnsOf(turns, next.caller)) next = waiter;
  }
  return next;
}

function turnsOf(turns: Turns, caller: CallerName): number {
  return turns.get(caller) ?? 0;
}
