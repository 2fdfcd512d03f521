import { AppError } from '../errors.ts';
import type { Manifest } from './job.ts';
import type { FoundJob, JobCatalog } from './job-catalog.ts';
import { toJobError } from './job-error.ts';
import type { LiveJob } from './live-job.ts';
import { createEventReader, type IndexedEvent } from './read-events.ts';

/** How a followed job's events end: how many its index has, and the manifest or why there is none. */
export interface FollowedEnd {
  readonly count: number;
  readonly end: Manifest | AppError;
}

/**
 * Yields a job's events from its files, those that are still to come as they come, and returns its end. When the signal aborts
 * it ends too, with an end that nobody should read.
 *
 * @param after id of the last event that the reader has; 0 for none
 */
export async function* followJob(
  found: FoundJob,
  catalog: JobCatalog,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<IndexedEvent, FollowedEnd> {
  if (found.live !== undefined) return yield* followLive(found.live, after, signal);
  const { manifest } = found;
  const { sessionId, id: jobId } = manifest.job;
  const { files, count } = await catalog.openEvents({ sessionId, jobId });
  const reader = createEventReader(jobId, files);
  for await (const event of reader.read(after, count)) {
    if (signal.aborted) break;
    yield event;
  }
  return { count, end: manifest };
}

async function* followLive(
  job: LiveJob,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<IndexedEvent, FollowedEnd> {
  const { log } = job;
  const reader = createEventReader(job.ref.jobId, job.files);
  for (let at = after; !signal.aborted; ) {
    const until = log.count;
    for await (const event of reader.read(at, until)) {
      if (signal.aborted) break;
      yield event;
      at = event.id;
    }
    if (log.count > at) continue;
    if (log.closed) break;
    await log.grown(at, signal);
  }
  return { count: log.count, end: await endOf(job, signal) };
}

function endOf(job: LiveJob, signal: AbortSignal): Promise<Manifest | AppError> {
  const gone = new AppError('infra_error', 'The reader went away.');
  return new Promise((resolve) => {
    const onAbort = (): void => resolve(gone);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    job.done
      .then(resolve, (error: unknown) => resolve(toJobError(error, job.ref)))
      .finally(() => signal.removeEventListener('abort', onAbort));
  });
}
