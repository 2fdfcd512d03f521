import { ERROR_TABLE, type ErrorCode } from '../errors.ts';
import { EVENT_SCHEMAS } from '../event-schemas.ts';
import { ERROR_MEANINGS } from './error-meanings.ts';
import { EXAMPLE_REQUEST_ID, STREAM_EXAMPLE } from './examples.ts';
import type { DocumentSchemas, JsonObject } from './json-schema.ts';
import type { ToolBodies } from './openapi-bodies.ts';
import { type Answer, type Operation, type Parameter, SHARED_ERRORS } from './route.ts';

/** What operations of a document are made with. */
export interface OperationParts {
  readonly schemas: DocumentSchemas;
  readonly bodies: ToolBodies;
  readonly keysRequired: boolean;
}

const text = (description: string): JsonObject => ({ description, schema: { type: 'string' } });

/** Headers of answers that the document describes. */
export const DOCUMENT_HEADERS: Readonly<Record<string, JsonObject>> = {
  'X-Request-Id': text('Names this request in the log; the one that was sent, or a new one.'),
  'Retry-After': {
    description: 'Whole seconds after which it is worth trying again.',
    schema: { type: 'integer', minimum: 1 },
  },
  Location: text('Where the job is asked for.'),
  'Preference-Applied': text('`respond-async`.'),
  'WWW-Authenticate': text('`Bearer`.'),
  ETag: text('Names the bytes of the file.'),
  'Accept-Ranges': text('`bytes`.'),
  'Content-Range': text('Which bytes these are, and of how many.'),
  'Content-Disposition': text('`attachment`, with the file’s own name.'),
};

const ERROR_HEADERS: Readonly<Partial<Record<ErrorCode, string>>> = {
  unauthorized: 'WWW-Authenticate',
  in_progress: 'Location',
  range_not_satisfiable: 'Content-Range',
};

const REQUEST_ID: JsonObject = {
  in: 'header',
  name: 'X-Request-Id',
  description: 'Names this request; letters, digits, `-`, `_` and `=`, at most 255.',
  schema: { type: 'string' },
};

/** @param withBodies false for HEAD, whose answers have none */
export function toDocumentOperation(
  operation: Operation,
  parts: OperationParts,
  { withBodies = true } = {},
): JsonObject {
  const { id, summary, description, parameters = [], body, answers } = operation;
  const errors = [...SHARED_ERRORS, ...operation.errors];
  const statuses = new Set([
    ...answers.map(({ status }) => status),
    ...errors.map((code) => ERROR_TABLE[code].status),
  ]);
  const responses = [...statuses]
    .sort((a, b) => a - b)
    .map((status) => {
      const answered = answers.filter((answer) => answer.status === status);
      const codes = errors.filter((code) => ERROR_TABLE[code].status === status);
      const response = answered.length > 0 ? toAnswers(answered, parts.schemas) : toErrors(codes, withBodies);
      return [String(status), response];
    });
  return {
    operationId: id,
    summary,
    ...(description === undefined ? {} : { description }),
    security: toSecurity(operation.access, parts.keysRequired),
    parameters: [...parameters.map((parameter) => toParameter(parameter, parts.schemas)), REQUEST_ID],
    ...(body === undefined ? {} : { requestBody: parts.bodies.toRequestBody(body) }),
    responses: Object.fromEntries(responses),
  };
}

function toSecurity(access: Operation['access'], keysRequired: boolean): readonly JsonObject[] {
  const none = access === 'open' || !keysRequired ? [{}] : [];
  return [...none, { bearer: [] }, ...(access === 'link' ? [{ signedUrl: [] }] : [])];
}

function toParameter(parameter: Parameter, schemas: DocumentSchemas): JsonObject {
  const { in: place, name, description, schema, example } = parameter;
  return {
    in: place,
    name,
    description,
    required: schema.type !== 'optional',
    schema: schemas.convert(schema, 'input'),
    ...(example === undefined ? {} : { example }),
  };
}

function toAnswers(answers: readonly Answer[], schemas: DocumentSchemas): JsonObject {
  const contents = answers.flatMap((answer) => {
    const content = toContent(answer, schemas);
    return content === undefined ? [] : [content];
  });
  return {
    description: answers.map(({ description }) => description).join(' '),
    headers: toHeaders(answers.flatMap(({ headers = [] }) => headers)),
    ...(contents.length === 0 ? {} : { content: Object.fromEntries(contents) }),
  };
}

function toContent(
  { content, example }: Answer,
  schemas: DocumentSchemas,
): readonly [type: string, media: JsonObject] | undefined {
  if (content === undefined) return undefined;
  if (content === 'events') return ['text/event-stream', toStream(schemas)];
  const shown = example === undefined ? {} : { example };
  if ('type' in content) return [content.type, { schema: { type: 'string' }, ...shown }];
  return ['application/json', { schema: schemas.convert(content.json, 'output'), ...shown }];
}

/** OpenAPI 3.1 has no word for the events in a stream, so what each carries stands beside its schema. */
function toStream(schemas: DocumentSchemas): JsonObject {
  const events = Object.entries(EVENT_SCHEMAS).map(([name, schema]) => [
    name,
    schemas.convert(schema, 'output'),
  ]);
  return {
    schema: {
      type: 'string',
      description:
        'Server-sent events with integer ids from 1; `data` is one line of JSON, by the event’s name as `x-events` says. The last one is `result` or `error`. Comment lines keep the connection alive.',
      'x-events': Object.fromEntries(events),
    },
    example: STREAM_EXAMPLE,
  };
}

function toErrors(codes: readonly ErrorCode[], withBodies: boolean): JsonObject {
  const repeats = codes.some((code) => 'retryAfter' in ERROR_TABLE[code]);
  const own = codes.flatMap((code) => ERROR_HEADERS[code] ?? []);
  const examples = codes.map((code) => [
    code,
    { value: { error: { code, message: ERROR_MEANINGS[code], requestId: EXAMPLE_REQUEST_ID } } },
  ]);
  return {
    description: codes.map((code) => `\`${code}\`: ${ERROR_MEANINGS[code]}`).join('\n\n'),
    headers: toHeaders([...own, ...(repeats ? ['Retry-After'] : [])]),
    ...(withBodies && {
      content: {
        'application/json': { schema: toErrorSchema(codes), examples: Object.fromEntries(examples) },
      },
    }),
  };
}

/** The one error body, with the codes that are possible here. */
function toErrorSchema(codes: readonly ErrorCode[]): JsonObject {
  const error = { properties: { code: { enum: codes } } };
  return { allOf: [{ $ref: '#/components/schemas/Error' }, { properties: { error } }] };
}

function toHeaders(names: readonly string[]): JsonObject {
  return Object.fromEntries(
    ['X-Request-Id', ...names].map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  );
}
