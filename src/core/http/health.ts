import { shuttingDown } from '../admission.ts';
import type { AppError } from '../errors.ts';
import {
  type Health,
  health,
  type Ready,
  ready,
  type Unavailable,
  unavailable,
} from '../response-schemas.ts';
import { verbose } from '../schemas.ts';
import type { AppContext, AppDependencies } from './context.ts';
import { READY_EXAMPLE, UNAVAILABLE_EXAMPLE } from './examples.ts';
import type { Route } from './route.ts';

/** `GET /healthz`: the process answers. `GET /readyz`: a job can run now, or why not. */
export function healthRoutes(deps: AppDependencies): readonly Route[] {
  return [
    {
      path: '/healthz',
      methods: {
        GET: {
          id: 'getHealth',
          summary: 'Whether the process answers',
          access: 'open',
          answers: [
            { status: 200, description: 'It does.', content: { json: health }, example: { status: 'ok' } },
          ],
          errors: [],
          handle: (c) => c.json({ status: 'ok' } satisfies Health),
        },
      },
    },
    {
      path: '/readyz',
      methods: {
        GET: {
          id: 'getReadiness',
          summary: 'Whether a job can run now',
          description: 'A word; with a key, or where there are none, also what is missing and how to get it.',
          access: 'open',
          parameters: [
            {
              in: 'query',
              name: 'verbose',
              description: 'Tells about engine and store too.',
              schema: verbose,
            },
          ],
          answers: [
            {
              status: 200,
              description: 'A job can run.',
              content: { json: ready },
              example: READY_EXAMPLE,
            },
            {
              status: 503,
              description: 'No job can run now.',
              content: { json: unavailable },
              example: UNAVAILABLE_EXAMPLE,
              headers: ['Retry-After'],
            },
          ],
          errors: [],
          handle: (c) => readiness(c, deps),
        },
      },
    },
  ];
}

async function readiness(c: AppContext, deps: AppDependencies): Promise<Response> {
  const { info, ...status } = await deps.gate.status();
  const problem = deps.supervisor.isClosing() ? shuttingDown() : status.problem;
  if (c.get('caller') === undefined) return word(problem);
  const engine = info === undefined ? {} : { engine: { ...info } };
  const details = c.req.query('verbose') === undefined ? {} : { ...engine, store: deps.store.name };
  if (problem === undefined) return c.json({ status: 'ready', ...details } satisfies Ready);
  const body: Unavailable = { status: 'unavailable', problems: [toProblem(problem)], ...details };
  return c.json(body, 503, retry(problem));
}

/** What somebody without a key hears. */
function word(problem: AppError | undefined): Response {
  return problem === undefined
    ? Response.json({ status: 'ready' } satisfies Ready)
    : Response.json({ status: 'unavailable' } satisfies Unavailable, {
        status: 503,
        headers: retry(problem),
      });
}

function retry(problem: AppError): Record<string, string> {
  return { 'Retry-After': String(problem.retryAfter ?? 5) };
}

function toProblem({ code, message }: AppError): Pick<AppError, 'code' | 'message'> {
  return { code, message };
}
