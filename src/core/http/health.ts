import { shuttingDown } from '../admission.ts';
import type { AppError } from '../errors.ts';
import type { App, AppDependencies } from './context.ts';
import { route } from './route.ts';

/** `GET /healthz`: the process answers. `GET /readyz`: a job can run now, or why not. */
export function healthRoutes(app: App, deps: AppDependencies): void {
  route(app, '/healthz', { GET: (c) => c.json({ status: 'ok' }) });
  route(app, '/readyz', {
    GET: async (c) => {
      const status = await deps.gate.status();
      const { info } = status;
      const problem = deps.supervisor.isClosing() ? shuttingDown() : status.problem;
      if (c.get('caller') === undefined) return word(problem);
      const verbose = c.req.query('verbose') !== undefined;
      const details = verbose ? { engine: info, store: deps.store.name, findings: await deps.examine() } : {};
      if (problem === undefined) return c.json({ status: 'ready', ...details });
      return c.json(
        { status: 'unavailable', problems: [toProblem(problem)], ...details },
        503,
        retry(problem),
      );
    },
  });
}

/** What somebody without a key hears. */
function word(problem: AppError | undefined): Response {
  return problem === undefined
    ? Response.json({ status: 'ready' })
    : Response.json({ status: 'unavailable' }, { status: 503, headers: retry(problem) });
}

function retry(problem: AppError): Record<string, string> {
  return { 'Retry-After': String(problem.retryAfter ?? 5) };
}

function toProblem({ code, message }: AppError): { code: string; message: string } {
  return { code, message };
}
