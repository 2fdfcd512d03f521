import type { Ticket } from '../admission.ts';
import { AppError, internalError } from '../errors.ts';
import type { JobRef } from '../workspace.ts';
import { forgetJob, toStorageError } from './accept-job.ts';
import { type Attendance, createAttendance } from './attendance.ts';
import type { EventLog } from './event-log.ts';
import { type JobRecord, type Manifest, withoutFiles } from './job.ts';
import { keepEnd } from './manifest.ts';
import type { EventFiles } from './read-events.ts';
import { endUnrun, runJob, toStopped } from './run-job.ts';
import type { JobHouse, RunningJob } from './running-job.ts';

/** A job of this process that hasn't stopped, as others see it. */
export interface LiveJob {
  readonly ref: JobRef;
  readonly owner: string | undefined;
  readonly record: JobRecord;
  readonly log: EventLog;
  /** What its events are a view of. */
  readonly files: EventFiles;
  /** The finished job. Rejects with an AppError when no program ran, or its files couldn't be kept. */
  readonly done: Promise<Manifest>;
  /** Ends it, whether it waits or runs: `done` tells how. Safe to repeat. */
  cancel(): void;
  /** As `cancel`, and when it still waits nothing is left of it: for a job that nobody knows of. */
  abandon(): void;
  /** A reader of its stream; see {@link Attendance}. */
  attend(): () => void;
}

export interface LiveJobOptions {
  readonly house: JobHouse;
  readonly job: RunningJob;
  readonly ticket: Ticket;
  /** Somebody may know its id before it ends: the record of a job that never ran is kept too. */
  readonly isKnown: boolean;
  /** Milliseconds for which it goes on without a reader of its stream; absent: it needs none. */
  readonly graceMs: number | undefined;
  /** When it was asked for, by `performance.now()`. */
  readonly arrived: number;
  /** Milliseconds of it in which its folder was made. */
  readonly acceptMs: number;
  /** Called before `onStopped` when its end couldn't be kept: its folder stays as it is. */
  readonly onUnkept: () => void;
  /** Called once when it has stopped, before `done` settles. */
  readonly onStopped: () => unknown;
}

/** Lets an accepted job live: its turn, its run, its end. */
export function startJob(options: LiveJobOptions): LiveJob {
  const { job, graceMs, onStopped } = options;
  const cancel = (): void => job.stop.abort('canceled');
  const attendance: Attendance | undefined =
    graceMs === undefined ? undefined : createAttendance(graceMs, cancel);
  const done = live(options).finally(() => {
    attendance?.close();
    onStopped();
  });
  // Whoever asked may have gone; the log has it.
  done.catch(() => {});
  return {
    ref: job.workspace.job,
    owner: job.owner,
    get record() {
      return job.record;
    },
    log: job.log,
    files: job.workspace,
    done,
    cancel,
    abandon: () => job.stop.abort('abandoned'),
    attend: () => attendance?.join() ?? (() => {}),
  };
}

async function live(options: LiveJobOptions): Promise<Manifest> {
  const { house, job, ticket, isKnown, arrived, acceptMs, onUnkept } = options;
  let giveBack: (() => void) | undefined;
  try {
    giveBack = await turnOf(job, ticket);
    const before = { waitedMs: performance.now() - arrived - acceptMs, acceptMs };
    return await (giveBack === undefined ? endUnrun : runJob)(house, job, before);
  } catch (error) {
    const known = toStorageError(error);
    await job.log.close().catch((err) => job.logger.error({ err }, 'the events of a job could not be kept'));
    if (isLeft(job)) await forgetJob(job);
    else if (mayHaveRun(known)) onUnkept();
    else if (!isKnown) await forgetJob(job);
    else
      await keepFailure(house, job, known).catch((err) => {
        job.logger.error({ err }, 'the end of a job that never ran could not be kept');
        onUnkept();
      });
    throw known;
  } finally {
    giveBack?.();
  }
}

/** Waits for the turn. A cancelled job gives its place back and gets none, for all that's left is to tell that it was cancelled. */
async function turnOf(job: RunningJob, ticket: Ticket): Promise<(() => void) | undefined> {
  const { signal } = job.stop;
  signal.addEventListener('abort', ticket.leave);
  if (signal.aborted) ticket.leave();
  try {
    const giveBack = await ticket.turn;
    if (!signal.aborted) return giveBack;
    giveBack?.();
  } finally {
    signal.removeEventListener('abort', ticket.leave);
  }
  if (isLeft(job)) throw left();
  return undefined;
}

/** Whether the one who asked went away before the job ran. */
function isLeft(job: RunningJob): boolean {
  return job.stop.signal.reason === 'abandoned' && job.record.status === 'queued';
}

/** Nobody reads this answer: who asked has gone. */
function left(): AppError {
  return new AppError('infra_error', 'The client went away before its job had a turn: send it again.');
}

function mayHaveRun(error: unknown): boolean {
  return error instanceof AppError && error.code === 'infra_error';
}

/** A job that never ran, and that somebody may ask for: its manifest says why, and names no file. */
async function keepFailure({ store }: JobHouse, job: RunningJob, error: unknown): Promise<void> {
  const { code, message } = error instanceof AppError ? error : internalError(error, 'the job’s id');
  const record = toStopped(job.record, { error: { code, message } });
  await keepEnd(store, job.workspace, withoutFiles(record), job.logger);
}
