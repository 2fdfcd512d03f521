import type { GenericSchema } from 'valibot';
import { ERROR_TABLE } from '../errors.ts';
import {
  errorBody,
  executeResponse,
  fileRow,
  health,
  jobPage,
  jobResponse,
  jobRow,
  limits,
  ready,
  timings,
  toolList,
  unavailable,
} from '../response-schemas.ts';
import type { ToolHandler } from '../tool-handler.ts';
import { createDocumentSchemas, type JsonObject } from './json-schema.ts';
import { createToolBodies } from './openapi-bodies.ts';
import { DOCUMENT_HEADERS, type OperationParts, toDocumentOperation } from './openapi-operation.ts';
import type { Operation, Route } from './route.ts';

/** Schemas that have a name in the document; wherever one stands it's referred to. */
const NAMED = {
  ExecuteAnswer: executeResponse,
  Job: jobResponse,
  JobRow: jobRow,
  JobPage: jobPage,
  File: fileRow,
  Limits: limits,
  Timings: timings,
  ToolList: toolList,
  Health: health,
  Ready: ready,
  Unavailable: unavailable,
  Error: errorBody,
} as const satisfies Record<string, GenericSchema>;

export const API_VERSION = '0.1.0';

const INFO = {
  title: 'Tool execution supervisor',
  version: API_VERSION,
  summary: 'Runs untrusted code and other tools, each run in a container of its own.',
  description: [
    'Every GET answers HEAD too. A method that an address does not know is answered with 405 `method_not_allowed` and `Allow`.',
    `Errors have one shape; the codes are ${Object.keys(ERROR_TABLE).join(', ')}. Their message ends with the cure.`,
    'Where the service has no keys, none is asked for.',
  ].join('\n\n'),
  license: { name: 'MIT', identifier: 'MIT' },
};

const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', description: 'One of the keys that the operator gave out.' },
  signedUrl: {
    type: 'apiKey',
    in: 'query',
    name: 'sig',
    description: 'The signature in an artifact’s URL, as an answer gave it; opens that artifact until `exp`.',
  },
};

/**
 * The document of OpenAPI 3.1 for these routes and tools, without `servers`.
 *
 * @param keysRequired whether the service asks for keys
 */
export function createDocument(
  routes: readonly Route[],
  tools: readonly ToolHandler[],
  keysRequired: boolean,
): JsonObject {
  const schemas = createDocumentSchemas(NAMED);
  const bodies = createToolBodies(schemas, tools);
  const parts: OperationParts = { schemas, bodies, keysRequired };
  return {
    openapi: '3.1.1',
    info: INFO,
    paths: Object.fromEntries(routes.map((route) => [toTemplate(route.path), toPathItem(route, parts)])),
    components: {
      schemas: { ...schemas.components, ...bodies.components },
      headers: DOCUMENT_HEADERS,
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

function toTemplate(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}');
}

function toPathItem({ methods }: Route, parts: OperationParts): JsonObject {
  const operations = Object.entries(methods).flatMap(([method, operation]) => [
    [method.toLowerCase(), toDocumentOperation(operation, parts)],
    ...(operation.describesHead === true ? [['head', toHead(operation, parts)]] : []),
  ]);
  return Object.fromEntries(operations);
}

function toHead(operation: Operation, parts: OperationParts): JsonObject {
  const head: Operation = {
    ...operation,
    id: operation.id.replace(/^get/, 'head'),
    summary: `${operation.summary}: its headers`,
    answers: operation.answers.map(({ content: _content, example: _example, ...answer }) => answer),
  };
  return toDocumentOperation(head, parts, { withBodies: false });
}
