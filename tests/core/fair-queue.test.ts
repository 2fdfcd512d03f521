import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CallerName, createFairQueue } from '../../src/core/fair-queue.ts';

interface Waiter {
  readonly caller: CallerName;
}

/** The rule as plainly as it can be told: everyone in one row, looked through for each turn. */
class PlainQueue {
  readonly row: Waiter[] = [];
  readonly turns = new Map<CallerName, number>();

  turnsOf(caller: CallerName): number {
    return this.turns.get(caller) ?? 0;
  }

  begin(caller: CallerName, change: 1 | -1 = 1): void {
    this.turns.set(caller, this.turnsOf(caller) + change);
  }

  remove(waiter: Waiter): void {
    this.row.splice(this.row.indexOf(waiter), 1);
  }

  next(): Waiter | undefined {
    const fewest = Math.min(...this.row.map(({ caller }) => this.turnsOf(caller)));
    return this.row.find(({ caller }) => this.turnsOf(caller) === fewest);
  }

  /** Gives turn after turn until it's this one's. */
  position(waiter: Waiter): number {
    const played = new PlainQueue();
    played.row.push(...this.row);
    for (const [caller, turns] of this.turns) played.turns.set(caller, turns);
    for (let position = 1; ; position += 1) {
      const next = played.next();
      if (next === undefined || next === waiter) return position;
      played.remove(next);
      played.begin(next.caller);
    }
  }
}

const CALLERS = ['anna', 'bob', 'carl', undefined] as const;

const step = fc.record({
  what: fc.constantFrom('enter', 'enter', 'enter', 'leave', 'turn', 'end'),
  caller: fc.constantFrom(...CALLERS),
  /** Which of those who could. */
  which: fc.nat(20),
});

describe('a fair queue', () => {
  it('gives turns and tells places as the plain rule does, whoever enters, leaves and ends', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const queue = createFairQueue<Waiter>();
        const plain = new PlainQueue();
        const running: CallerName[] = [];
        for (const { what, caller, which } of steps) {
          if (what === 'enter') {
            const waiter = { caller };
            plain.row.push(waiter);
            expect(queue.add(waiter)).toBe(plain.position(waiter));
          } else if (what === 'leave') {
            const waiter = plain.row[which % plain.row.length];
            if (waiter === undefined) continue;
            plain.remove(waiter);
            expect(queue.remove(waiter)).toBe(true);
            expect(queue.remove(waiter)).toBe(false);
          } else if (what === 'turn') {
            const next = queue.next();
            expect(next).toBe(plain.next());
            if (next === undefined) continue;
            plain.remove(next);
            queue.remove(next);
            plain.begin(next.caller);
            queue.begin(next.caller);
            running.push(next.caller);
          } else if (running.length > 0) {
            const [ended] = running.splice(which % running.length, 1);
            plain.begin(ended, -1);
            queue.end(ended);
          }
          expect(queue.waiting).toBe(plain.row.length);
          expect(queue.running).toBe(running.length);
          expect(new Set(queue.waiters())).toEqual(new Set(plain.row));
          expect(queue.waitingCallers).toBe(new Set(plain.row.map((waiter) => waiter.caller)).size);
        }
      }),
    );
  });

  it('a place costs no look at everyone who waits', () => {
    const looks = (count: number): number => {
      let looked = 0;
      const queue = createFairQueue<Waiter>();
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
