import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

/** A document of OpenAPI, as far as tests read it. */
export interface ApiDocument {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

export interface ApiOperation {
  readonly operationId: string;
  readonly parameters: readonly ApiParameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, ApiMedia>> };
  readonly responses: Readonly<Record<string, ApiResponse>>;
  readonly security: readonly Readonly<Record<string, unknown>>[];
}

export interface ApiParameter {
  readonly in: 'path' | 'query' | 'header';
  readonly name: string;
  readonly required?: boolean;
  readonly schema: JsonSchema;
  readonly example?: unknown;
}

export interface ApiResponse {
  readonly description: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, ApiMedia>>;
}

export interface ApiMedia {
  readonly schema: JsonSchema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

export type JsonSchema = Readonly<Record<string, unknown>>;

/** One operation with its place in the document. */
export interface PlacedOperation {
  readonly path: string;
  /** Upper case. */
  readonly method: string;
  readonly operation: ApiOperation;
}

export async function loadDocument(get: (path: string) => Promise<Response>): Promise<ApiDocument> {
  const response = await get('/openapi.json');
  if (response.status !== 200) throw new Error(`/openapi.json: ${response.status}`);
  return (await response.json()) as ApiDocument;
}

export function operationsOf({ paths }: ApiDocument): readonly PlacedOperation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
}

/** Checks values against the document's schemas. */
export interface Shapes {
  /** What is wrong with the value; empty when it's as the schema says. */
  problems(schema: JsonSchema, value: unknown): readonly string[];
}

/**
 * @param strict every object in a schema refuses members that it doesn't name: clients must ignore them, but what we answer
 * and don't describe is a fault of the document
 */
export function shapesOf(document: ApiDocument, { strict = false } = {}): Shapes {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  const base = strict ? (close(document) as ApiDocument) : document;
  ajv.addSchema({ $id: 'document', components: base.components });
  const compiled = new Map<JsonSchema, ValidateFunction>();
  return {
    problems(schema, value) {
      let validate = compiled.get(schema);
      if (validate === undefined) {
        validate = ajv.compile(withAbsoluteRefs(strict ? close(schema) : schema) as JsonSchema);
        compiled.set(schema, validate);
      }
      if (validate(value)) return [];
      return (validate.errors ?? []).map(
        ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
      );
    },
  };
}

function withAbsoluteRefs(schema: unknown): unknown {
  return mapObjects(schema, (object) =>
    typeof object.$ref === 'string' ? { ...object, $ref: object.$ref.replace(/^#/, 'document#') } : object,
  );
}

/** A schema that only narrows another by `allOf` names a few members of it, and stays open. */
function close(schema: unknown): unknown {
  return mapObjects(schema, (object) =>
    object.type === 'object' && 'properties' in object && !('additionalProperties' in object)
      ? { ...object, additionalProperties: false }
      : object,
  );
}

function mapObjects(value: unknown, change: (object: JsonSchema) => JsonSchema): unknown {
  if (Array.isArray(value)) return value.map((each) => mapObjects(each, change));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, each]) => [name, mapObjects(each, change)]);
  return change(Object.fromEntries(entries));
}
