import { AppError } from '../errors.ts';
import type { JobEvent } from '../event-schemas.ts';
import { followJob } from '../jobs/follow-job.ts';
import type { Manifest } from '../jobs/job.ts';
import type { FoundJob } from '../jobs/job-catalog.ts';
import { toAnswerJson } from './answer-json.ts';
import { type AppContext, type AppDependencies, urlOptions } from './context.ts';
import { toErrorBody } from './error-handler.ts';
import { toFailure, toFileRow, type UrlOptions } from './execute-response.ts';
import type { Leave, OpenStreams } from './open-streams.ts';
import { EVENT_STREAM_HEADERS, type JsonPieces, toEventStream } from './sse.ts';

export interface StreamOptions {
  /** Id of the last event that the reader has; 0 for none. */
  readonly after: number;
  readonly streams: OpenStreams;
  /** The reader's place among them, where it had to be taken before; given back in any case. */
  readonly place?: Leave;
}

/** What is sent of a job; the answer at the end may be long, and is made while it's read. */
type StreamedEvent = JobEvent | { readonly event: 'result' | 'error'; readonly data: JsonPieces };

/**
 * Answers with a job's events after the one with id `after`: what its index tells, then a row for each artifact, then one last
 * event, `result` or `error`. A reader that has them all is told so by 204, which stops an `EventSource` from coming again. When
 * the events can't be read on, the connection breaks: the job hasn't ended by that, and who comes again reads on. Throws
 * `rate_limited` when the caller has too many streams open.
 */
export async function streamJob(
  c: AppContext,
  deps: AppDependencies,
  found: FoundJob,
  { after, streams, place }: StreamOptions,
): Promise<Response> {
  if (found.live === undefined && after >= (await lastId(deps, found.manifest))) {
    place?.();
    return new Response(null, { status: 204 });
  }
  if (c.req.method === 'HEAD') return new Response(null, { headers: EVENT_STREAM_HEADERS });
  const giveBack = place ?? streams.enter(c.get('caller')?.name);
  const [held, leave] = attend(found, streams);
  const logger = c.get('logger');
  const onClosed = (cause?: unknown): void => {
    giveBack();
    leave();
    if (cause !== undefined)
      logger.error({ err: cause, job: found.record.id }, 'the events of a job could not be read on');
  };
  return toEventStream((signal) => jobEvents(c, deps, held, after, signal), onClosed);
}

/** The job as its reader holds it until it leaves. */
function attend(found: FoundJob, streams: OpenStreams): readonly [FoundJob, Leave] {
  if (found.live !== undefined) return [found, found.live.attend()];
  const [manifest, leave] = streams.share(found.manifest);
  return [{ ...found, record: manifest.job, manifest }, leave];
}

async function lastId(deps: AppDependencies, { job, files }: Manifest): Promise<number> {
  const { count } = await deps.catalog.openEvents({ sessionId: job.sessionId, jobId: job.id });
  return count + files.length + 1;
}

async function* jobEvents(
  c: AppContext,
  deps: AppDependencies,
  found: FoundJob,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<StreamedEvent & { readonly id: number }, void> {
  const followed = followJob(found, deps.catalog, after, signal);
  let next = await followed.next();
  for (; next.done !== true; next = await followed.next()) yield next.value;
  if (signal.aborted) return;
  const { count, end } = next.value;
  if (end instanceof AppError) return yield { id: count + 1, event: 'error', data: toErrorBody(end, c) };
  const { job, files } = end;
  const urls = urlOptions(c, deps);
  for (const [index, row] of files.entries()) {
    const id = count + index + 1;
    if (id > after) yield { id, event: 'artifact', data: await toFileRow(job, row, urls) };
  }
  // Whoever claims to have more than there will ever be is still told the end.
  yield { id: count + files.length + 1, ...toLastEvent(c, end, urls) };
}

function toLastEvent(c: AppContext, manifest: Manifest, urls: UrlOptions): StreamedEvent {
  const { job } = manifest;
  if (job.end !== undefined) return { event: 'result', data: toAnswerJson(manifest, urls) };
  const { error } = toErrorBody(toFailure(job), c);
  if (error.code !== 'infra_error') return { event: 'error', data: { error } };
  return { event: 'error', data: toErrorJson(toAnswerJson(manifest, urls, error)) };
}

async function* toErrorJson(answer: JsonPieces): AsyncGenerator<string, void> {
  yield '{"error":';
  yield* answer;
  yield '}';
}
