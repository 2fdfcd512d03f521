import { AppError } from './errors.ts';

export interface AdmissionOptions {
  readonly maxRunning: number;
  readonly maxQueued: number;
  /** Milliseconds that a job may wait for its turn. */
  readonly queueTimeoutMs: number;
}

/** Lets a bounded number of jobs run and a bounded number wait, first come, first served. */
export interface Admission {
  /**
   * Waits for a turn. Rejects with `overloaded` when the queue is full, `queue_timeout` when the turn doesn't come in time,
   * `shutting_down` after `close`, and at once when the signal aborts: a caller that leaves costs nothing.
   * The returned function gives the turn back; a second call does nothing.
   */
  acquire(signal: AbortSignal): Promise<() => void>;
  stats(): { readonly running: number; readonly queued: number };
  /** Refuses everyone who waits and everyone to come. */
  close(): void;
}

interface Waiter {
  readonly admit: () => void;
  readonly refuse: (error: unknown) => void;
}

export function createAdmission(options: AdmissionOptions): Admission {
  const queue = new Set<Waiter>();
  let running = 0;
  let closed = false;

  const takeTurn = (): (() => void) => {
    running += 1;
    let given = false;
    return () => {
      if (given) return;
      given = true;
      running -= 1;
      const [next] = queue;
      if (next !== undefined) next.admit();
    };
  };

  const wait = (signal: AbortSignal): Promise<() => void> =>
    new Promise((resolve, reject) => {
      const leave = (): void => {
        queue.delete(waiter);
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        admit: () => {
          leave();
          resolve(takeTurn());
        },
        refuse: (error) => {
          leave();
          reject(error);
        },
      };
      const onAbort = (): void => waiter.refuse(clientGone());
      const timer = setTimeout(() => waiter.refuse(queueTimeout(options)), options.queueTimeoutMs);
      signal.addEventListener('abort', onAbort);
      queue.add(waiter);
    });

  return {
    async acquire(signal) {
      if (signal.aborted) throw clientGone();
      if (closed) throw shuttingDown();
      if (running < options.maxRunning) return takeTurn();
      if (queue.size >= options.maxQueued) throw overloaded(options);
      return wait(signal);
    },
    stats: () => ({ running, queued: queue.size }),
    close() {
      closed = true;
      for (const waiter of [...queue]) waiter.refuse(shuttingDown());
    },
  };
}

function overloaded(options: AdmissionOptions): AppError {
  const { maxRunning, maxQueued } = options;
  const message = `${maxRunning} jobs run and ${maxQueued} wait already: try again after the time in Retry-After.`;
  return new AppError('overloaded', message);
}

function queueTimeout(options: AdmissionOptions): AppError {
  const message = `The job waited ${options.queueTimeoutMs} ms for its turn and was dropped without running: try again later.`;
  return new AppError('queue_timeout', message);
}

export function shuttingDown(): AppError {
  return new AppError('shutting_down', 'The service is stopping: try again after the time in Retry-After.');
}

/** Nobody reads this answer: who asked has gone. */
function clientGone(): AppError {
  return new AppError('infra_error', 'The client went away before its job had a turn: send it again.');
}
