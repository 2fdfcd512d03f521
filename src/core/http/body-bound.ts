import { AppError } from '../errors.ts';
import type { CallerName } from '../fair-queue.ts';
import { createQuota, type Quota } from './quota.ts';

/**
 * Runs `work` while it counts as one of the requests whose bodies are held.
 *
 * @param length bytes that the body will have; `undefined` where that isn't known before it's read
 */
export type BodyBound = <T>(
  caller: CallerName,
  length: number | undefined,
  work: (body: HeldBody) => Promise<T>,
) => Promise<T>;

/** What a body takes of the memory for bodies. */
export interface HeldBody {
  /** As many bytes of it are held now; throws when that's too much. */
  grown(bytes: number): void;
  /** What was read lives on when the work is done: its bytes count until this settles. */
  livesUntil(end: Promise<unknown>): void;
}

export interface BodyBoundOptions {
  /** Requests that may be held at once. */
  readonly most: number;
  readonly maxBodyBytes: number;
  readonly callers: readonly string[];
}

/** Bodies of the largest size for which there is memory at once: two for each of the four turns that the smallest machine has. */
const LARGEST_BODIES = 8;
/** So that a low limit for one body doesn't make few of them too many. */
const LEAST_BYTES = 256 * 1024 * 1024;
/** Up to this size a body isn't counted in bytes: as many as there may be take few, and large ones can't keep them out. */
const SMALL_BYTES = 64 * 1024;
/** What is left of the body isn't read, so this connection can carry no further request. */
const UNREAD = { Connection: 'close' };

/**
 * Refuses a request before its body is read when as many are held already as there may be, or as many bytes. Where there are
 * several callers none may have more than half of either, so that one who sends slowly and much doesn't keep the others out.
 */
export function createBodyBound({ most, maxBodyBytes, callers }: BodyBoundOptions): BodyBound {
  const requests = createQuota({
    most,
    callers,
    tooMuch: (bound) => overloaded(`${bound} requests are held already`),
    tooMuchOfOne: (bound) => rateLimited(`${bound} of your requests are held already`),
  });
  const bytes = createQuota({
    most: Math.max(LEAST_BYTES, LARGEST_BODIES * maxBodyBytes),
    callers,
    tooMuch: () =>
      overloaded('The bodies of other requests and jobs take all memory that there is for them', UNREAD),
    tooMuchOfOne: () =>
      rateLimited('The bodies of your requests and jobs take all memory that you may have for them', UNREAD),
  });

  return async (caller, length, work) => {
    requests.take(caller, 1);
    let end: Promise<unknown> | undefined;
    const memory = createMemory(bytes, caller, maxBodyBytes);
    try {
      memory.grown(length ?? 0);
      return await work({
        grown: memory.grown,
        livesUntil: (given) => {
          end = given;
        },
      });
    } finally {
      requests.give(caller, 1);
      if (end === undefined) memory.free();
      else end.then(memory.free, memory.free);
    }
  };
}

/** What one body takes of the quota of bytes. */
function createMemory(
  quota: Quota,
  caller: CallerName,
  maxBodyBytes: number,
): { grown(bytes: number): void; free(): void } {
  let taken = 0;
  return {
    grown(bytes) {
      // What is beyond the largest size is thrown away as it comes.
      const needed = bytes > SMALL_BYTES ? Math.min(bytes, maxBodyBytes) : 0;
      if (needed <= taken) return;
      quota.take(caller, needed - taken);
      taken = needed;
    },
    free() {
      quota.give(caller, taken);
    },
  };
}

function overloaded(what: string, headers: Readonly<Record<string, string>> = {}): AppError {
  return new AppError('overloaded', `${what}: try again after the time in Retry-After.`, { headers });
}

function rateLimited(what: string, headers: Readonly<Record<string, string>> = {}): AppError {
  const message = `${what}: let them end, and try again after the time in Retry-After.`;
  return new AppError('rate_limited', message, { headers });
}
