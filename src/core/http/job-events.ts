import { AppError } from '../errors.ts';
import type { JobEvent } from '../event-schemas.ts';
import { followJob } from '../jobs/follow-job.ts';
import type { Manifest } from '../jobs/job.ts';
import type { FoundJob } from '../jobs/job-catalog.ts';
import { type AppContext, type AppDependencies, urlOptions } from './context.ts';
import { toErrorBody } from './error-handler.ts';
import { hasEnd, toFailure, toJobAnswer } from './execute-response.ts';
import { EVENT_STREAM_HEADERS, toEventStream } from './sse.ts';

/**
 * Answers with a job's events after the one with id `after`: what its index tells, then a row for each artifact, then one last
 * event, `result` or `error`. A reader that has them all is told so by 204, which stops an `EventSource` from coming again. When
 * the events can't be read on, the connection breaks: the job hasn't ended by that, and who comes again reads on.
 */
export async function streamJob(
  c: AppContext,
  deps: AppDependencies,
  found: FoundJob,
  after: number,
): Promise<Response> {
  if (found.live === undefined && after >= (await lastId(deps, found.manifest))) {
    return new Response(null, { status: 204 });
  }
  if (c.req.method === 'HEAD') return new Response(null, { headers: EVENT_STREAM_HEADERS });
  const leave = found.live?.attend() ?? (() => {});
  const logger = c.get('logger');
  const onClosed = (cause?: unknown): void => {
    leave();
    if (cause !== undefined)
      logger.error({ err: cause, job: found.record.id }, 'the events of a job could not be read on');
  };
  return toEventStream((signal) => jobEvents(c, deps, found, after, signal), onClosed);
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
): AsyncGenerator<JobEvent & { readonly id: number }> {
  const followed = followJob(found, deps.catalog, after, signal);
  let next = await followed.next();
  for (; next.done !== true; next = await followed.next()) yield next.value;
  if (signal.aborted) return;
  const { count, end } = next.value;
  const last = end instanceof AppError ? [toErrorEvent(c, end)] : await toEndEvents(c, deps, end);
  for (const [index, event] of last.entries()) {
    const id = count + index + 1;
    // Whoever claims to have more than there will ever be is still told the end.
    if (id > after || index === last.length - 1) yield { id, ...event };
  }
}

async function toEndEvents(c: AppContext, deps: AppDependencies, manifest: Manifest): Promise<JobEvent[]> {
  const answer = await toJobAnswer(manifest, urlOptions(c, deps));
  const artifacts = answer.files.map((row) => ({ event: 'artifact', data: row }) as const);
  const last = hasEnd(answer)
    ? ({ event: 'result', data: answer } as const)
    : toErrorEvent(c, toFailure(manifest.job, answer));
  return [...artifacts, last];
}

function toErrorEvent(c: AppContext, error: AppError): JobEvent {
  return { event: 'error', data: toErrorBody(error, c) };
}
