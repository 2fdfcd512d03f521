import type { CallerName } from '../fair-queue.ts';

/** Bounds how much of a thing all callers have at once and, where there are several, how much one has: half of it. */
export interface Quota {
  /** Throws when it would be too much for all, or for this caller; then nothing is taken. */
  take(caller: CallerName, amount: number): void;
  give(caller: CallerName, amount: number): void;
}

export interface QuotaOptions {
  readonly most: number;
  readonly callers: readonly string[];
  /** What is thrown when there is no more for anybody. */
  readonly tooMuch: (most: number) => Error;
  /** What is thrown when there is no more for this caller. */
  readonly tooMuchOfOne: (share: number) => Error;
}

export function createQuota({ most, callers, tooMuch, tooMuchOfOne }: QuotaOptions): Quota {
  const share = callers.length > 1 ? Math.ceil(most / 2) : most;
  const takenBy = new Map<CallerName, number>();
  let taken = 0;

  const change = (caller: CallerName, amount: number): void => {
    taken += amount;
    const now = (takenBy.get(caller) ?? 0) + amount;
    if (now === 0) takenBy.delete(caller);
    else takenBy.set(caller, now);
  };

  return {
    take(caller, amount) {
      if (taken + amount > most) throw tooMuch(most);
      if ((takenBy.get(caller) ?? 0) + amount > share) throw tooMuchOfOne(share);
      change(caller, amount);
    },
    give: (caller, amount) => change(caller, -amount),
  };
}
