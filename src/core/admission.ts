import { withResolvers } from './abort.ts';
import { AppError } from './errors.ts';
import { type CallerName, createFairQueue } from './fair-queue.ts';
import { createTurnTimes } from './turn-times.ts';

export interface AdmissionOptions {
  readonly maxRunning: number;
  readonly maxQueued: number;
  /** Milliseconds that a job may wait for its turn. */
  readonly queueTimeoutMs: number;
  /** Names of the callers that there are; absent where callers aren't told apart. */
  readonly callers?: readonly string[];
}

/**
 * Lets a bounded number of jobs run and a bounded number wait. A turn goes to the caller of whom the fewest jobs run, and
 * among the jobs of one caller to the oldest. Of several turns the last is kept for a caller of whom none runs, while there is one;
 * the last places in the queue, a quarter of them at most, are kept for callers who have none waiting.
 */
export interface Admission {
  /**
   * Takes a place, at once. Throws `overloaded` when there is none for anybody, `rate_limited` when what is left is kept for
   * other callers or this one has more than an even share of a full queue, and `shutting_down` after `close`.
   */
  enter(caller: CallerName): Ticket;
  stats(): { readonly running: number; readonly queued: number };
  /** Refuses everyone who waits and everyone to come. */
  close(): void;
}

/** One job's place. */
export interface Ticket {
  /** How many jobs that wait have their turn before this one does, itself included; 0 when it has come already. */
  readonly position: number;
  /**
   * Resolves, when the turn comes, with the function that gives it back; a second call of that does nothing. Resolves with
   * `undefined` after `leave`. Rejects with `queue_timeout` or `shutting_down`.
   */
  readonly turn: Promise<(() => void) | undefined>;
  /** Gives the place in the queue free; does nothing once the turn has come. */
  leave(): void;
}

interface Waiter {
  readonly caller: CallerName;
  readonly admit: () => void;
  readonly refuse: (error: unknown) => void;
}

/** Of the queue's places, those kept for callers who have none waiting: however many callers there are, most places are for all. */
const KEPT_SHARE = 1 / 4;

export function createAdmission(options: AdmissionOptions): Admission {
  const { maxRunning, maxQueued, queueTimeoutMs, callers = [] } = options;
  const queue = createFairQueue<Waiter>({ turns: maxRunning, callers: callers.length });
  const times = createTurnTimes(maxRunning);
  let closed = false;

  const takeTurn = (caller: CallerName): (() => void) => {
    const ended = times.begin();
    let given = false;
    queue.begin(caller);
    return () => {
      if (given) return;
      given = true;
      queue.end(caller);
      ended();
      queue.next()?.admit();
    };
  };

  const retryAfter = (): number => times.retryAfter(queue.waiting);

  const checkRoom = (caller: CallerName): void => {
    const own = queue.waitingOf(caller);
    const idle = Math.max(0, callers.length - queue.waitingCallers);
    const kept = Math.min(idle, Math.ceil(maxQueued * KEPT_SHARE));
    const room = maxQueued - queue.waiting;
    // Whoever has none waiting may take the last place: it's the one that was kept for them.
    if (room > kept || (room > 0 && own === 0)) return;
    const isTurnKept = queue.running < maxRunning;
    const hasMoreThanOthers = callers.length > 1 && own > Math.max(1, maxQueued / callers.length);
    throw room > 0 || isTurnKept || hasMoreThanOthers
      ? rateLimited(retryAfter())
      : overloaded(options, retryAfter());
  };

  const wait = (caller: CallerName): Ticket => {
    const { promise, resolve, reject } = withResolvers<(() => void) | undefined>();
    /** False when it waits no more. */
    const end = (): boolean => {
      clearTimeout(timer);
      return queue.remove(waiter);
    };
    const waiter: Waiter = {
      caller,
      admit: () => {
        if (end()) resolve(takeTurn(caller));
      },
      refuse: (error) => {
        if (end()) reject(error);
      },
    };
    const timer = setTimeout(() => waiter.refuse(queueTimeout(queueTimeoutMs, retryAfter())), queueTimeoutMs);
    const position = queue.add(waiter);
    // Whoever entered may look at the turn only later.
    promise.catch(() => {});
    const leave = (): void => {
      if (end()) resolve(undefined);
    };
    return { position, turn: promise, leave };
  };

  return {
    enter(caller) {
      if (closed) throw shuttingDown();
      if (queue.mayBegin(caller)) {
        return { position: 0, turn: Promise.resolve(takeTurn(caller)), leave: () => {} };
      }
      checkRoom(caller);
      return wait(caller);
    },
    stats: () => ({ running: queue.running, queued: queue.waiting }),
    close() {
      closed = true;
      for (const waiter of queue.waiters()) waiter.refuse(shuttingDown());
    },
  };
}

function overloaded({ maxRunning, maxQueued }: AdmissionOptions, retryAfter: number): AppError {
  const message = `${maxRunning} jobs run and ${maxQueued} wait already: try again after the time in Retry-After.`;
  return new AppError('overloaded', message, { retryAfter });
}

function rateLimited(retryAfter: number): AppError {
  const message =
    'You have as many jobs as one caller may: let some of them end, and try again after the time in Retry-After.';
  return new AppError('rate_limited', message, { retryAfter });
}

function queueTimeout(queueTimeoutMs: number, retryAfter: number): AppError {
  const message = `The job waited ${queueTimeoutMs} ms for its turn and was dropped without running: try again later.`;
  return new AppError('queue_timeout', message, { retryAfter });
}

export function shuttingDown(): AppError {
  return new AppError('shutting_down', 'The service is stopping: try again after the time in Retry-After.');
}
