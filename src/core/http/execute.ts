import type { Context } from 'hono';
import { AppError } from '../errors.ts';
import { executeEnvelope, runEnvelope } from '../schemas.ts';
import type { App, AppDependencies, AppVariables } from './context.ts';
import { toExecuteResponse } from './execute-response.ts';
import { parseInput } from './parse-input.ts';
import { readJson } from './read-json.ts';
import { route } from './route.ts';

type AppContext = Context<{ Variables: AppVariables }>;

/** `POST /tools/execute` and its older door `POST /run`. */
export function executeRoutes(app: App, deps: AppDependencies): void {
  const bounded = boundInFlight(deps.maxInFlight);
  route(app, '/tools/execute', {
    POST: (c) =>
      bounded(async () => {
        const { tool, ...rest } = parseInput(executeEnvelope, await readJson(c, deps.maxBodyBytes));
        return execute(c, deps, tool, rest);
      }),
  });
  route(app, '/run', {
    POST: (c) =>
      bounded(async () => {
        const body = parseInput(runEnvelope, await readJson(c, deps.maxBodyBytes));
        return execute(c, deps, 'code_execution', body);
      }),
  });
}

/** Refuses a request before its body is read when as many are held already as could run and wait. */
function boundInFlight(most: number): (work: () => Promise<Response>) => Promise<Response> {
  let inFlight = 0;
  return async (work) => {
    if (inFlight >= most) {
      throw new AppError(
        'overloaded',
        `${most} requests are held already: try again after the time in Retry-After.`,
      );
    }
    inFlight += 1;
    try {
      return await work();
    } finally {
      inFlight -= 1;
    }
  };
}

async function execute(
  c: AppContext,
  deps: AppDependencies,
  toolName: string,
  body: { sessionId: string } & Record<string, unknown>,
): Promise<Response> {
  const { sessionId, ...fields } = body;
  const tool = deps.tools.get(toolName);
  const input = parseInput(tool.input, fields);
  const logger = c.get('logger');
  const manifest = await deps.supervisor.execute({
    tool,
    sessionId,
    owner: c.get('caller')?.name,
    input,
    signal: c.req.raw.signal,
    logger,
  });
  const response = await toExecuteResponse(
    manifest,
    c.get('baseUrl'),
    deps.apiKeys.required ? deps.urlSigner : undefined,
  );
  if (manifest.job.end === undefined) {
    const message =
      'It could not be found out how the run ended; what output there was is kept: run it again.';
    throw new AppError('infra_error', message, { details: { ...response } });
  }
  return c.json(response);
}
