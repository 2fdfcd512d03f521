import { AppError } from '../errors.ts';
import type { Manifest } from '../jobs/job.ts';
import type { FoundJob } from '../jobs/job-catalog.ts';
import type { LiveJob } from '../jobs/live-job.ts';
import { executeEnvelope, runEnvelope } from '../schemas.ts';
import { createBodyBound } from './body-bound.ts';
import { type App, type AppContext, type AppDependencies, urlOptions } from './context.ts';
import { toExecuteResponse, toFailure } from './execute-response.ts';
import { type ExecutionMode, readExecutionMode } from './execution-mode.ts';
import { streamJob } from './job-events.ts';
import { jobPath, toJobResponse } from './job-response.ts';
import { parseInput } from './parse-input.ts';
import { readJson } from './read-json.ts';
import { route } from './route.ts';

/** `POST /tools/execute` and its older door `POST /run`. */
export function executeRoutes(app: App, deps: AppDependencies): void {
  const bound = createBodyBound(deps.maxInFlight, deps.apiKeys.names);
  const execute = async (c: AppContext, toOrder: (body: unknown) => Order): Promise<Response> => {
    const mode = readExecutionMode(c);
    // The place is given back as soon as the job has one of its own.
    const take = await bound(c.get('caller')?.name, async () => {
      const order = toOrder(await readJson(c, deps.maxBodyBytes));
      return takeJob(c, deps, mode, order);
    });
    return answer(c, deps, mode, take);
  };
  route(app, '/tools/execute', {
    POST: (c) =>
      execute(c, (body) => {
        const { tool, sessionId, ...fields } = parseInput(executeEnvelope, body);
        return { tool, sessionId, fields };
      }),
  });
  route(app, '/run', {
    POST: (c) =>
      execute(c, (body) => {
        const { sessionId, ...fields } = parseInput(runEnvelope, body);
        return { tool: 'code_execution', sessionId, fields };
      }),
  });
}

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
  if (mode.streams) return streamJob(c, deps, toFound(taken), 0);
  if (taken.state === 'stopped') return answerWith(c, deps, taken.manifest);
  const location = jobPath(deps.guard.publicUrl, taken.job.ref.jobId);
  if (taken.state === 'running') throw inProgress(location);
  if (!mode.isAsync) return answerWith(c, deps, await taken.job.done);
  const body = await toJobResponse(toFound(taken), urlOptions(c, deps));
  return c.json(body, 202, { Location: location, 'Preference-Applied': 'respond-async' });
}

function toFound(taken: Taken): FoundJob {
  return taken.state === 'stopped'
    ? { record: taken.manifest.job, manifest: taken.manifest }
    : { record: taken.job.record, live: taken.job };
}

async function answerWith(c: AppContext, deps: AppDependencies, manifest: Manifest): Promise<Response> {
  const response = await toExecuteResponse(manifest, urlOptions(c, deps));
  if (manifest.job.end === undefined) throw toFailure(manifest.job, response);
  return c.json(response);
}

function inProgress(location: string): AppError {
  return new AppError(
    'in_progress',
    'The job of this Idempotency-Key has not ended: ask for it at the address in Location, or send this again later.',
    { headers: { Location: location } },
  );
}
