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
 * event, `result` or `error`. A reader that has them all is told so by 204, which stops an `EventSource` from coming again.
 */
export async function streamJob(
  c: AppContext,
  deps: AppDependencies,
  found: FoundJob,
  after: number,
): Promise<Response> {
  if (found.state === 'stopped' && after >= (await lastId(deps, found.manifest))) {
    return new Response(null, { status: 204 });
  }
  if (c.req.method === 'HEAD') return new Response(null, { headers: EVENT_STREAM_HEADERS });
  const leave = found.state === 'live' ? found.live.attend() : () => {};
  return toEventStream((signal) => jobEvents(c, deps, found, after, signal), leave);
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
  let seen = after;
  try {
    const followed = followJob(found, deps.catalog, after, signal);
    for (;;) {
      const next = await followed.next();
      if (next.done === true) {
        if (next.value === undefined) return;
        const { count, manifest } = next.value;
        const last = await toEndEvents(c, deps, manifest);
        for (const [index, event] of last.entries()) {
          const id = count + index + 1;
          // Whoever claims to have more than there will ever be is still told the end.
          if (id > after || index === last.length - 1) yield { id, ...event };
        }
        return;
      }
      seen = next.value.id;
      yield next.value;
    }
  } catch (cause) {
    // The stream has begun, so its reader can only be told by its last event.
    const message = 'The events of the job could not be read on: ask for the job itself by GET /jobs/:id.';
    yield { id: seen + 1, ...toErrorEvent(c, new AppError('internal', message, { cause })) };
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
