import { toJsonSchema, toJsonSchemaDefs } from '@valibot/to-json-schema';
import type { GenericSchema } from 'valibot';
import { STRING_MAP_JSON_SCHEMA, stringMap } from '../schemas.ts';

/** A JSON Schema, or a part of an OpenAPI document. */
export interface JsonObject {
  readonly [name: string]: unknown;
}

/** Rules that JSON Schema can't say (checks over several fields) are left out of it and still apply. */
const CONFIG = {
  errorMode: 'ignore',
  overrideSchema: ({ valibotSchema }) => (valibotSchema === stringMap ? STRING_MAP_JSON_SCHEMA : undefined),
} satisfies Parameters<typeof toJsonSchema>[1];

/** What a tool takes, as a schema that stands for itself. */
export function toInputSchema(schema: GenericSchema): JsonObject {
  return { ...toJsonSchema(schema, { ...CONFIG, typeMode: 'input' }) };
}

/** Schemas for a document of OpenAPI 3.1, which refer to the named ones by `#/components/schemas/`. */
export interface DocumentSchemas {
  /** The named ones. */
  readonly components: Readonly<Record<string, JsonObject>>;
  /** @param mode what is sent (`input`), or what the schema makes of it */
  convert(schema: GenericSchema, mode: 'input' | 'output'): JsonObject;
}

export function createDocumentSchemas(named: Readonly<Record<string, GenericSchema>>): DocumentSchemas {
  const config = {
    ...CONFIG,
    target: 'draft-2020-12',
    overrideRef: ({ referenceId }: { referenceId: string }) => `#/components/schemas/${referenceId}`,
  } as const;
  return {
    components: toJsonSchemaDefs({ ...named }, { ...config, typeMode: 'output' }) as Record<
      string,
      JsonObject
    >,
    convert(schema, mode) {
      const {
        $schema: _schema,
        $defs: _defs,
        ...rest
      } = toJsonSchema(schema, {
        ...config,
        typeMode: mode,
        definitions: { ...named },
      });
      return rest;
    },
  };
}
