import { type Caller, mayAccess } from '../api-keys.ts';
import { AppError } from '../errors.ts';
import type { JobRecord } from '../jobs/job.ts';
import type { FoundJob } from '../jobs/job-catalog.ts';
import { jobsQuery, lastEventId } from '../schemas.ts';
import { type App, type AppContext, type AppDependencies, urlOptions } from './context.ts';
import { streamJob } from './job-events.ts';
import { toJobResponse, toJobRow } from './job-response.ts';
import { parseInput } from './parse-input.ts';
import { route } from './route.ts';

/** `GET /jobs`, `GET|DELETE /jobs/:id`, `GET /jobs/:id/events`. */
export function jobRoutes(app: App, deps: AppDependencies): void {
  route(app, '/jobs', { GET: (c) => listJobs(c, deps) });
  route(app, '/jobs/:id', {
    GET: async (c) => c.json(await toJobResponse(await findJob(c, deps), urlOptions(c, deps))),
    DELETE: (c) => cancelJob(c, deps),
  });
  route(app, '/jobs/:id/events', {
    GET: async (c) => {
      const header = c.req.header('last-event-id');
      const after = header === undefined ? 0 : parseInput(lastEventId, header);
      return streamJob(c, deps, await findJob(c, deps), after);
    },
  });
}

async function listJobs(c: AppContext, deps: AppDependencies): Promise<Response> {
  const { sessionId, status, cursor, limit } = parseInput(jobsQuery, c.req.query());
  const isVisible = visibleTo(c.get('caller'));
  const { jobs, more } = await deps.catalog.list({ sessionId, status, after: cursor, limit, isVisible });
  const last = jobs.at(-1)?.record.id;
  const nextCursor = more && last !== undefined ? { nextCursor: last } : {};
  return c.json({ jobs: jobs.map(({ record }) => toJobRow(record)), ...nextCursor });
}

/** Answers once the job has stopped, with how it did; a job that ended by itself meanwhile tells that. */
async function cancelJob(c: AppContext, deps: AppDependencies): Promise<Response> {
  const found = await findJob(c, deps);
  if (found.live === undefined) {
    throw new AppError(
      'already_finished',
      'The job has ended already: GET /jobs/:id tells how; there is nothing to cancel.',
    );
  }
  found.live.cancel();
  await found.live.done.catch(() => {});
  const stopped = await findJob(c, deps);
  return c.json(await toJobResponse(stopped, urlOptions(c, deps)));
}

/** The job of this id; one that the caller may not see is as unknown as one that there isn't. */
async function findJob(c: AppContext, deps: AppDependencies): Promise<FoundJob> {
  const found = await deps.catalog.find(c.req.param('id') ?? '');
  if (found !== undefined && visibleTo(c.get('caller'))(found.record)) return found;
  throw new AppError('not_found', 'There is no such job: use an id from an answer; GET /jobs lists them.');
}

function visibleTo(caller: Caller | undefined): (record: JobRecord) => boolean {
  return ({ owner }) => caller !== undefined && mayAccess(caller, owner);
}
