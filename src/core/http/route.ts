import type { Handler } from 'hono';
import type { GenericSchema } from 'valibot';
import { AppError, type ErrorCode } from '../errors.ts';
import type { App, AppContext, AppVariables } from './context.ts';
import { refuseRepeated } from './parse-query.ts';

export type Method = 'GET' | 'POST' | 'DELETE';

/** One address with what can be done there. Routes are data: the application and its OpenAPI document are made of the same. */
export interface Route {
  /** As the document shows it; `:name` is a parameter. */
  readonly path: string;
  /** What Hono matches instead, where a parameter may hold slashes. */
  readonly pattern?: string;
  readonly methods: Readonly<Partial<Record<Method, Operation>>>;
}

/** What one method of a route takes and answers, and what does it. */
export interface Operation {
  /** Unique; names the call in generated clients. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** `open`: needs no key. `link`: a signed URL stands in for one. Absent: needs a key, when there are keys. */
  readonly access?: 'open' | 'link';
  readonly parameters?: readonly Parameter[];
  readonly body?: ToolBody;
  readonly answers: readonly Answer[];
  /** Codes that this operation can answer beside {@link SHARED_ERRORS}. */
  readonly errors: readonly ErrorCode[];
  /** HEAD is worth a place of its own in the document. Every GET answers it. */
  readonly describesHead?: true;
  readonly handle: Handler<{ Variables: AppVariables }>;
}

export interface Parameter {
  readonly in: 'path' | 'query' | 'header';
  readonly name: string;
  readonly description: string;
  readonly schema: GenericSchema;
  readonly example?: string;
}

/** A JSON body: a session, and the input of a tool. */
export interface ToolBody {
  readonly envelope: GenericSchema;
  /** Whose input it is; absent: of whichever tool the field `tool` names. */
  readonly tool?: string;
}

/** An answer that is no error. */
export interface Answer {
  readonly status: number;
  readonly description: string;
  /** Absent: no body. `events`: a job's stream. A media type: bytes or text of that type. */
  readonly content?: { readonly json: GenericSchema } | { readonly type: string } | 'events';
  readonly example?: unknown;
  readonly headers?: readonly string[];
}

/** What any operation can answer: the guards at the door, the key, the parser of HTTP, and what nobody foresaw. */
export const SHARED_ERRORS = [
  'invalid_request',
  'unauthorized',
  'host_refused',
  'origin_refused',
  'headers_too_large',
  'internal',
] as const satisfies readonly ErrorCode[];

/** Registers a route; every other method answers 405 with `Allow`. A GET route answers HEAD as well. */
export function register(app: App, { path, pattern = path, methods }: Route): void {
  for (const [method, operation] of Object.entries(methods)) {
    app.on(method, pattern, readingEachOnce(operation));
  }
  const allow = Object.keys(methods)
    .flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name]))
    .join(', ');
  app.all(pattern, (c: AppContext) => {
    throw new AppError('method_not_allowed', `${c.req.method} is not possible here: use ${allow}.`, {
      headers: { Allow: allow },
    });
  });
}

/** The operation's handler, for requests in whose query none of its parameters stands twice. */
function readingEachOnce({ handle, parameters = [], access }: Operation): Operation['handle'] {
  const declared = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
  const names = access === 'link' ? [...declared, SIGNATURE] : declared;
  if (names.length === 0) return handle;
  return (c, next) => {
    refuseRepeated(c, names);
    return handle(c, next);
  };
}

/** The document has it as a way to sign in, not as a parameter. */
const SIGNATURE = 'sig';
