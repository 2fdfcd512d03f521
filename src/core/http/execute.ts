import { AppError } from '../errors.ts';
import type { KeyedJob } from '../jobs/idempotency.ts';
import type { Manifest } from '../jobs/job.ts';
import { toJobError } from '../jobs/job-error.ts';
import type { LiveJob } from '../jobs/live-job.ts';
import { executeResponse, jobResponse } from '../response-schemas.ts';
import { executeEnvelope, runEnvelope } from '../schemas.ts';
import { createBodyBound } from './body-bound.ts';
import { type AppContext, type AppDependencies, urlOptions } from './context.ts';
import { EXECUTE_EXAMPLE, QUEUED_EXAMPLE } from './examples.ts';
import { hasEnd, toFailure, toJobAnswer } from './execute-response.ts';
import { EXECUTION_PARAMETERS, type ExecutionMode, readExecutionMode } from './execution-mode.ts';
import { streamJob } from './job-events.ts';
import { jobPath, toJobResponse } from './job-response.ts';
import type { OpenStreams } from './open-streams.ts';
import { parseInput } from './parse-input.ts';
import { contentLength, readJson } from './read-json.ts';
import type { Operation, Route } from './route.ts';

/** `POST /tools/execute` and its older door `POST /run`. */
export function executeRoutes(deps: AppDependencies, streams: OpenStreams): readonly Route[] {
  const { maxInFlight: most, maxBodyBytes, apiKeys } = deps;
  const bound = createBodyBound({ most, maxBodyBytes, callers: apiKeys.names });
  const execute = async (c: AppContext, toOrder: (body: unknown) => Order): Promise<Response> => {
    const mode = readExecutionMode(c);
    const caller = c.get('caller')?.name;
    // Before the job is started: whom nobody may watch isn't.
    const place = mode.streams ? streams.enter(caller) : undefined;
    try {
      // The place among these is given back as soon as the job has one of its own; the job holds its input until it ends.
      const taken = await bound(caller, contentLength(c), async (body) => {
        const order = toOrder(await readJson(c, maxBodyBytes, body.grown));
        const keyed = await takeJob(c, deps, mode, order);
        if (keyed.isNew && keyed.job.state === 'live') body.livesUntil(keyed.job.live.done);
        return keyed;
      });
      if (place === undefined) return await answer(c, deps, mode, taken);
      return await streamJob(c, deps, taken.job, { after: 0, streams, place });
    } catch (error) {
      place?.();
      throw error;
    }
  };
  const toolsExecute: Operation = {
    ...EXECUTION,
    id: 'executeTool',
    summary: 'Runs a tool',
    body: { envelope: executeEnvelope },
    errors: [...EXECUTION.errors, 'unknown_tool'],
    handle: (c) =>
      execute(c, (body) => {
        const { tool, sessionId, ...fields } = parseInput(executeEnvelope, body);
        return { tool, sessionId, fields };
      }),
  };
  const run: Operation = {
    ...EXECUTION,
    id: 'runCode',
    summary: 'Runs code: /tools/execute for code_execution, without `tool`',
    body: { envelope: runEnvelope, tool: RUN_TOOL },
    handle: (c) =>
      execute(c, (body) => {
        const { sessionId, ...fields } = parseInput(runEnvelope, body);
        return { tool: RUN_TOOL, sessionId, fields };
      }),
  };
  return [
    { path: '/tools/execute', methods: { POST: toolsExecute } },
    { path: '/run', methods: { POST: run } },
  ];
}

const RUN_TOOL = 'code_execution';

/** What both doors have in common. */
const EXECUTION = {
  description:
    'A program that fails is a result, not an error. A client that goes away while it waits cancels its run; one that reads the stream may come back to it by GET /jobs/{id}/events.',
  parameters: EXECUTION_PARAMETERS,
  answers: [
    {
      status: 200,
      description: 'The program ran: how it ended, and its files.',
      content: { json: executeResponse },
      example: EXECUTE_EXAMPLE,
    },
    { status: 200, description: 'With Accept: text/event-stream, as it happens.', content: 'events' },
    {
      status: 202,
      description: 'With Prefer: respond-async: the job, which goes on.',
      content: { json: jobResponse },
      example: QUEUED_EXAMPLE,
      headers: ['Location', 'Preference-Applied'],
    },
  ],
  errors: [
    'invalid_json',
    'in_progress',
    'too_large',
    'unsupported_media_type',
    'idempotency_mismatch',
    'rate_limited',
    'image_unavailable',
    'misconfigured',
    'engine_unavailable',
    'limits_not_enforced',
    'overloaded',
    'queue_timeout',
    'shutting_down',
    'infra_error',
    'storage_full',
  ],
} as const satisfies Partial<Operation>;

interface Order {
  readonly tool: string;
  readonly sessionId: string;
  /** The tool's own. */
  readonly fields: Readonly<Record<string, unknown>>;
}

async function takeJob(
  c: AppContext,
  deps: AppDependencies,
  mode: ExecutionMode,
  order: Order,
): Promise<KeyedJob> {
  const tool = deps.tools.get(order.tool);
  const caller = c.get('caller')?.name;
  const input = parseInput(tool.input, order.fields);
  const { sessionId } = order;
  const request = { tool, sessionId, owner: caller, input, logger: c.get('logger') };
  const { idempotencyKey: key } = mode;
  if (key !== undefined) {
    return deps.idempotency.once({ caller, key, body: order, sessionId }, (id) =>
      deps.supervisor.submit({ ...request, id, livesBy: 'itself' }),
    );
  }
  const livesBy = mode.isAsync ? 'itself' : mode.streams ? 'stream' : c.req.raw.signal;
  const live = await deps.supervisor.submit({ ...request, livesBy });
  return { isNew: true, job: { state: 'live', record: live.record, live } };
}

async function answer(
  c: AppContext,
  deps: AppDependencies,
  mode: ExecutionMode,
  { isNew, job }: KeyedJob,
): Promise<Response> {
  if (job.state === 'stopped') return answerWith(c, deps, job.manifest);
  const location = jobPath(deps.guard.publicUrl, job.record.id);
  if (!isNew || job.state === 'interrupted') throw inProgress(location);
  if (!mode.isAsync) return answerWith(c, deps, await endOf(job.live, mode));
  const body = await toJobResponse(job, urlOptions(c, deps));
  return c.json(body, 202, { Location: location, 'Preference-Applied': 'respond-async' });
}

/** Whoever sent a key can ask for the job later, also for one that never ran, and is told by its id that it's this one. */
async function endOf({ done, ref }: LiveJob, { idempotencyKey }: ExecutionMode): Promise<Manifest> {
  try {
    return await done;
  } catch (error) {
    throw idempotencyKey === undefined ? error : toJobError(error, ref);
  }
}

async function answerWith(c: AppContext, deps: AppDependencies, manifest: Manifest): Promise<Response> {
  const response = await toJobAnswer(manifest, urlOptions(c, deps));
  if (!hasEnd(response)) throw toFailure(manifest.job, response);
  return c.json(response);
}

function inProgress(location: string): AppError {
  return new AppError(
    'in_progress',
    'The job of this Idempotency-Key has not ended: ask for it at the address in Location, or send this again later.',
    { headers: { Location: location } },
  );
}
