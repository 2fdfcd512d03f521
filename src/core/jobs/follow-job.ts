import { sleep } from '../abort.ts';
import { AppError } from '../errors.ts';
import type { Manifest } from './job.ts';
import type { FoundJob, JobCatalog } from './job-catalog.ts';
import type { LiveJob } from './live-job.ts';
import { createEventReader, type IndexedEvent } from './read-events.ts';

/** How a followed job's events end: how many its index has, and its manifest. */
export interface FollowedEnd {
  readonly count: number;
  readonly manifest: Manifest;
}

/** Between two looks whether an interrupted job is closed. */
const LOOK_MS = 500;

/**
 * Yields a job's events from its files, those that are still to come as they come, and returns its end. A job that stops
 * without its end being kept goes on once it's closed. When the signal aborts there is no end.
 *
 * @param after id of the last event that the reader has; 0 for none
 */
export async function* followJob(
  found: FoundJob,
  catalog: JobCatalog,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<IndexedEvent, FollowedEnd | undefined> {
  let at = after;
  if (found.state === 'live') at = yield* followLive(found.live, after, signal);
  const manifest = await endOf(found, catalog, signal);
  if (manifest === undefined) return undefined;
  const { sessionId, id: jobId } = manifest.job;
  const { files, count } = await catalog.openEvents({ sessionId, jobId });
  for await (const event of createEventReader(jobId, files).read(at, count)) {
    if (signal.aborted) return undefined;
    yield event;
  }
  return { count, manifest };
}

/** Yields what its log tells until that is closed; returns the id of the last that the reader has. */
async function* followLive(
  job: LiveJob,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<IndexedEvent, number> {
  const { log } = job;
  const reader = createEventReader(job.ref.jobId, job.files);
  for (let at = after; ; ) {
    const until = log.count;
    for await (const event of reader.read(at, until)) {
      if (signal.aborted) return at;
      yield event;
      at = event.id;
    }
    if (log.count > at) continue;
    if (log.closed || signal.aborted) return at;
    await log.grown(at, signal);
  }
}

/** Waits for the manifest; `undefined` once the signal aborts. */
async function endOf(
  found: FoundJob,
  catalog: JobCatalog,
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  const ended = found.state === 'live' ? await untilDone(found.live, signal) : undefined;
  if (ended !== undefined) return ended;
  const { sessionId, id: jobId } = found.record;
  for (let now: FoundJob | undefined = found; ; ) {
    if (signal.aborted) return undefined;
    if (now.state === 'stopped') return now.manifest;
    now = await catalog.get({ sessionId, jobId });
    if (now === undefined) throw new AppError('not_found', 'The job was removed while its events were read.');
    if (now.state !== 'stopped') await sleep(LOOK_MS, signal);
  }
}

/** Its manifest; `undefined` when it has none to give, or the signal aborts. */
function untilDone(job: LiveJob, signal: AbortSignal): Promise<Manifest | undefined> {
  return new Promise((resolve) => {
    const leave = (): void => resolve(undefined);
    signal.addEventListener('abort', leave);
    if (signal.aborted) leave();
    job.done.then(resolve, leave).finally(() => signal.removeEventListener('abort', leave));
  });
}
