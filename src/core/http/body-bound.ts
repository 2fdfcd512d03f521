import { AppError } from '../errors.ts';

/** Runs `work` while it counts as one of the requests whose bodies are held. */
export type BodyBound = <T>(caller: string | undefined, work: () => Promise<T>) => Promise<T>;

/**
 * Refuses a request before its body is read when as many are held already as there may be. Where there are several callers
 * none may have more than half of them, so that one who sends slowly and much doesn't keep the others out.
 */
export function createBodyBound(most: number, callers: readonly string[]): BodyBound {
  const heldBy = new Map<string | undefined, number>();
  const share = callers.length > 1 ? Math.ceil(most / 2) : most;
  let held = 0;

  const count = (caller: string | undefined, change: 1 | -1): void => {
    held += change;
    const now = (heldBy.get(caller) ?? 0) + change;
    if (now === 0) heldBy.delete(caller);
    else heldBy.set(caller, now);
  };

  return async (caller, work) => {
    if (held < most && (heldBy.get(caller) ?? 0) >= share) {
      const message = `${share} of your requests are held already: let them end, and try again after the time in Retry-After.`;
      throw new AppError('rate_limited', message);
    }
    if (held >= most) {
      const message = `${most} requests are held already: try again after the time in Retry-After.`;
      throw new AppError('overloaded', message);
    }
    count(caller, 1);
    try {
      return await work();
    } finally {
      count(caller, -1);
    }
  };
}
