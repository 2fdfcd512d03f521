import { JOB_ID_PATTERN } from '../ids.ts';
import type { JobRef } from '../workspace.ts';
import { type RecoverJobOptions, recoverJob } from './recover-job.ts';

export interface JobCloserOptions extends RecoverJobOptions {
  /** Whether this process has the job in its hands. */
  readonly isHeld: (jobId: string) => boolean;
}

/** Sees to it that every job comes to its end, also those whose process ended or failed before they did. */
export interface JobCloser {
  /** Takes note of a job that has stopped in this process, and whose end isn't kept. */
  add(job: JobRef): void;
  /**
   * Closes every job that is known to be unfinished; the first call looks for them in all folders. What can't be closed is
   * logged once, and tried again by every call. No container of theirs may be alive.
   */
  close(signal: AbortSignal): Promise<void>;
}

export function createJobCloser(options: JobCloserOptions): JobCloser {
  const { workspaces, isHeld, logger } = options;
  const due = new Map<string, JobRef>();
  /** Of those, the ones whose failure was told. */
  const failed = new Set<string>();
  let hasLooked = false;

  const closeOne = async (ref: JobRef): Promise<void> => {
    due.set(ref.jobId, ref);
    try {
      await recoverJob(options, ref);
      due.delete(ref.jobId);
      failed.delete(ref.jobId);
    } catch (err) {
      const level = failed.has(ref.jobId) ? 'debug' : 'error';
      failed.add(ref.jobId);
      logger[level]({ err, job: ref.jobId }, 'an interrupted job could not be brought to its end');
    }
  };

  return {
    add(job) {
      due.set(job.jobId, job);
    },
    async close(signal) {
      for await (const ref of hasLooked ? [...due.values()] : workspaces.list()) {
        if (signal.aborted) return;
        // Somebody else's folder may look like a job's; ids like ours are ours.
        if (JOB_ID_PATTERN.test(ref.jobId) && !isHeld(ref.jobId)) await closeOne(ref);
      }
      hasLooked = true;
    },
  };
}
