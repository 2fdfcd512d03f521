import * as v from 'valibot';
import { mayAccess } from '../api-keys.ts';
import { AppError } from '../errors.ts';
import type { FoundJob, JobCatalog } from '../jobs/job-catalog.ts';
import { type JobPage, jobId, jobPage, jobResponse } from '../response-schemas.ts';
import { jobsQuery, lastEventId } from '../schemas.ts';
import { shareCalls } from '../share-calls.ts';
import { type AppContext, type AppDependencies, urlOptions } from './context.ts';
import { CANCELED_EXAMPLE, EXAMPLE_JOB, JOB_PAGE_EXAMPLE, STOPPED_EXAMPLE } from './examples.ts';
import { streamJob } from './job-events.ts';
import { toJobResponse, toJobRow } from './job-response.ts';
import type { OpenStreams } from './open-streams.ts';
import { headerPlace, parseInput } from './parse-input.ts';
import { parseQuery } from './parse-query.ts';
import type { Operation, Parameter, Route } from './route.ts';

/** `GET /jobs`, `GET|DELETE /jobs/:id`, `GET /jobs/:id/events`. */
export function jobRoutes(deps: AppDependencies, streams: OpenStreams): readonly Route[] {
  // Readers come in crowds, when a page with a job is opened or a connection is back, and a manifest may be long.
  const watched = { find: shareCalls(deps.catalog.find) };
  const list: Operation = {
    id: 'listJobs',
    summary: 'The caller’s jobs, newest first',
    parameters: LIST_PARAMETERS,
    answers: [
      {
        status: 200,
        description: 'A page of them.',
        content: { json: jobPage },
        example: JOB_PAGE_EXAMPLE,
      },
    ],
    errors: [],
    handle: (c) => listJobs(c, deps),
  };
  const get: Operation = {
    id: 'getJob',
    summary: 'A job: where it is, how it ended, its files',
    parameters: [ID],
    answers: [
      { status: 200, description: 'The job.', content: { json: jobResponse }, example: STOPPED_EXAMPLE },
    ],
    errors: ['not_found'],
    handle: async (c) => c.json(await toJobResponse(await findJob(c, deps.catalog), urlOptions(c, deps))),
  };
  const cancel: Operation = {
    id: 'cancelJob',
    summary: 'Cancels a job',
    parameters: [ID],
    answers: [
      {
        status: 200,
        description: 'It has stopped: how.',
        content: { json: jobResponse },
        example: CANCELED_EXAMPLE,
      },
    ],
    errors: ['not_found', 'already_finished', 'engine_unavailable'],
    handle: (c) => cancelJob(c, deps),
  };
  const events: Operation = {
    id: 'streamJobEvents',
    summary: 'A job’s events, from its start or from where a reader left',
    parameters: [ID, LAST_EVENT_ID],
    answers: [
      { status: 200, description: 'The events, as they happen.', content: 'events' },
      { status: 204, description: 'The reader has them all.' },
    ],
    errors: ['not_found', 'rate_limited'],
    handle: async (c) => {
      const header = c.req.header('last-event-id');
      const after = header === undefined ? 0 : parseInput(lastEventId, header, headerPlace('Last-Event-ID'));
      return streamJob(c, deps, await findJob(c, watched), { after, streams });
    },
  };
  return [
    { path: '/jobs', methods: { GET: list } },
    { path: '/jobs/:id', methods: { GET: get, DELETE: cancel } },
    { path: '/jobs/:id/events', methods: { GET: events } },
  ];
}

const ID: Parameter = {
  in: 'path',
  name: 'id',
  description: 'The job’s id, from an answer.',
  schema: jobId,
  example: EXAMPLE_JOB,
};

const LAST_EVENT_ID: Parameter = {
  in: 'header',
  name: 'Last-Event-ID',
  description: 'The id of the last event that the reader has.',
  schema: v.optional(lastEventId),
  example: '3',
};

const LIST_DESCRIPTIONS: Readonly<Record<keyof typeof jobsQuery.entries, string>> = {
  sessionId: 'Of this session only.',
  status: 'That are there now.',
  cursor: '`nextCursor` of the page before.',
  limit: 'At most so many.',
};

const LIST_PARAMETERS: readonly Parameter[] = Object.entries(jobsQuery.entries).map(([name, schema]) => ({
  in: 'query',
  name,
  description: LIST_DESCRIPTIONS[name as keyof typeof LIST_DESCRIPTIONS],
  schema,
}));

async function listJobs(c: AppContext, deps: AppDependencies): Promise<Response> {
  const { sessionId, status, cursor, limit } = parseQuery(c, jobsQuery);
  const query = { sessionId, status, after: cursor, limit, owner: c.get('caller')?.name };
  const { jobs, more } = await deps.catalog.list(query, c.req.raw.signal);
  const last = jobs.at(-1)?.id;
  const page: JobPage = {
    jobs: jobs.map(toJobRow),
    ...(more && last !== undefined ? { nextCursor: last } : {}),
  };
  return c.json(page);
}

/** Answers once the job has stopped, with how it did; a job that ended by itself meanwhile tells that. */
async function cancelJob(c: AppContext, deps: AppDependencies): Promise<Response> {
  const found = await findJob(c, deps.catalog);
  if (found.state === 'stopped') {
    throw new AppError(
      'already_finished',
      'The job has ended already: GET /jobs/:id tells how; there is nothing to cancel.',
    );
  }
  if (found.state === 'interrupted') {
    throw new AppError(
      'engine_unavailable',
      'The job was interrupted, and is brought to its end as soon as the engine answers: ask for it again later.',
    );
  }
  found.live.cancel();
  await found.live.done.catch(() => {});
  const stopped = await findJob(c, deps.catalog);
  return c.json(await toJobResponse(stopped, urlOptions(c, deps)));
}

/** The job of this id; one that the caller may not see is as unknown as one that there isn't. */
async function findJob(c: AppContext, catalog: Pick<JobCatalog, 'find'>): Promise<FoundJob> {
  const found = await catalog.find(c.req.param('id') ?? '');
  const caller = c.get('caller');
  if (found !== undefined && caller !== undefined && mayAccess(caller, found.record.owner)) return found;
  throw new AppError('not_found', 'There is no such job: use an id from an answer; GET /jobs lists them.');
}
