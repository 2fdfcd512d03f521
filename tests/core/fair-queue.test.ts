import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CallerName, createFairQueue, type FairQueueOptions } from '../../src/core/fair-queue.ts';

interface Waiter {
  readonly caller: CallerName;
}

/** The rules as plainly as they can be told: everyone in one row, looked through for each turn. */
class PlainQueue {
  readonly row: Waiter[] = [];
  /** Of whom jobs run, a name for each job. */
  readonly running: CallerName[] = [];
  readonly options: FairQueueOptions;

  constructor(options: FairQueueOptions) {
    this.options = options;
  }

  turnsOf(caller: CallerName): number {
    return this.running.filter((name) => name === caller).length;
  }

  mayBegin(caller: CallerName): boolean {
    const { turns, callers } = this.options;
    const free = turns - this.running.length;
    const somebodyIsIdle = new Set(this.running).size < callers;
    if (callers > 1 && turns > 1 && somebodyIsIdle && this.turnsOf(caller) > 0) return free > 1;
    return free > 0;
  }

  /** Whose turn comes before that of all others. */
  first(): Waiter | undefined {
    const fewest = Math.min(...this.row.map(({ caller }) => this.turnsOf(caller)));
    return this.row.find(({ caller }) => this.turnsOf(caller) === fewest);
  }

  remove(waiter: Waiter): void {
    this.row.splice(this.row.indexOf(waiter), 1);
  }

  /** Gives turn after turn until it's this one's. */
  position(waiter: Waiter): number {
    const played = new PlainQueue(this.options);
    played.row.push(...this.row);
    played.running.push(...this.running);
    for (let position = 1; ; position += 1) {
      const first = played.first();
      if (first === undefined || first === waiter) return position;
      played.remove(first);
      played.running.push(first.caller);
    }
  }
}

const CALLERS = ['anna', 'bob', 'carl'] as const;

const options = fc.record({ turns: fc.integer({ min: 1, max: 6 }), callers: fc.constantFrom(1, 2, 3) });

const step = fc.record({
  what: fc.constantFrom('enter', 'enter', 'enter', 'leave', 'end', 'end'),
  /** Which caller, or which of those who could. */
  which: fc.nat(20),
});

/** A queue and its plain twin, which do the same. */
function openTwins(given: FairQueueOptions) {
  const queue = createFairQueue<Waiter>(given);
  const plain = new PlainQueue(given);
  const begin = (caller: CallerName): void => {
    plain.running.push(caller);
    queue.begin(caller);
  };
  return {
    queue,
    plain,
    enter(caller: CallerName): void {
      expect(queue.mayBegin(caller)).toBe(plain.mayBegin(caller));
      if (queue.mayBegin(caller)) {
        begin(caller);
        return;
      }
      const waiter = { caller };
      plain.row.push(waiter);
      expect(queue.add(waiter)).toBe(plain.position(waiter));
    },
    leave(which: number): void {
      const waiter = plain.row[which % plain.row.length];
      if (waiter === undefined) return;
      plain.remove(waiter);
      expect(queue.remove(waiter)).toBe(true);
      expect(queue.remove(waiter)).toBe(false);
    },
    end(which: number): void {
      if (plain.running.length === 0) return;
      const [ended] = plain.running.splice(which % plain.running.length, 1);
      queue.end(ended);
      const first = plain.first();
      const next = queue.next();
      expect(next).toBe(first !== undefined && plain.mayBegin(first.caller) ? first : undefined);
      if (next === undefined) return;
      plain.remove(next);
      queue.remove(next);
      begin(next.caller);
    },
  };
}

describe('a fair queue', () => {
  it('gives turns and tells places as the plain rules do, whoever enters, leaves and ends', () => {
    fc.assert(
      fc.property(options, fc.array(step, { maxLength: 80 }), (given, steps) => {
        const { queue, plain, ...twins } = openTwins(given);
        for (const { what, which } of steps) {
          if (what === 'enter') twins.enter(CALLERS[which % given.callers]);
          else twins[what](which);
          // One end lets one in at most: nobody who could begin is left waiting.
          expect(plain.row.filter(({ caller }) => plain.mayBegin(caller))).toEqual([]);
          expect(queue.next()).toBeUndefined();
          expect(queue.running).toBe(plain.running.length);
          expect(queue.waiting).toBe(plain.row.length);
          expect(new Set(queue.waiters())).toEqual(new Set(plain.row));
          expect(queue.waitingCallers).toBe(new Set(plain.row.map(({ caller }) => caller)).size);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('a place costs no look at everyone who waits', () => {
    const looks = (count: number): number => {
      let looked = 0;
      const queue = createFairQueue<Waiter>({ turns: 1, callers: 3 });
      for (let n = 0; n < count; n += 1) {
        queue.add({
          get caller() {
            looked += 1;
            return CALLERS[n % CALLERS.length];
          },
        });
      }
      return looked;
    };
    expect(looks(2000)).toBeLessThanOrEqual(2 * looks(1000));
  });
});
