import { AppError } from '../errors.ts';
import type { Manifest } from '../jobs/job.ts';
import type { FoundJob } from '../jobs/job-catalog.ts';
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
import { readJson } from './read-json.ts';
import type { Operation, Route } from './route.ts';

/** `POST /tools/execute` and its older door `POST /run`. */
export function executeRoutes(deps: AppDependencies, streams: OpenStreams): readonly Route[] {
  const bound = createBodyBound(deps.maxInFlight, deps.apiKeys.names);
  const execute = async (c: AppContext, toOrder: (body: unknown) => Order): Promise<Response> => {
    const mode = readExecutionMode(c);
    const caller = c.get('caller')?.name;
    // Before the job is started: whom nobody may watch isn't.
    const place = mode.streams ? streams.enter(caller) : undefined;
    try {
      // The place among these is given back as soon as the job has one of its own.
      const taken = await bound(caller, async () => {
        const order = toOrder(await readJson(c, deps.maxBodyBytes));
        return takeJob(c, deps, mode, order);
      });
      if (place === undefined) return await answer(c, deps, mode, taken);
      return await streamJob(c, deps, toFound(taken), { after: 0, streams, place });
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

/** What became of an order: a job that this request asked for, or one that its key stands for already. */
type Taken =
  | { readonly state: 'started' | 'running'; readonly job: LiveJob }
  | { readonly state: 'stopped'; readonly manifest: Manifest };

async function takeJob(
  c: AppContext,
  deps: AppDependencies,
  mode: ExecutionMode,
  order: Order,
): Promise<Taken> {
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
  return { state: 'started', job: await deps.supervisor.submit({ ...request, livesBy }) };
}

async function answer(
  c: AppContext,
  deps: AppDependencies,
  mode: ExecutionMode,
  taken: Taken,
): Promise<Response> {
  if (taken.state === 'stopped') return answerWith(c, deps, taken.manifest);
  const location = jobPath(deps.guard.publicUrl, taken.job.ref.jobId);
  if (taken.state === 'running') throw inProgress(location);
  if (!mode.isAsync) return answerWith(c, deps, await endOf(taken.job, mode));
  const body = await toJobResponse(toFound(taken), urlOptions(c, deps));
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

function toFound(taken: Taken): FoundJob {
  return taken.state === 'stopped'
    ? { record: taken.manifest.job, manifest: taken.manifest }
    : { record: taken.job.record, live: taken.job };
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
