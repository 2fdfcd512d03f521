import type { ToolHandler } from '../tool-handler.ts';
import { EXAMPLE_SESSION } from './examples.ts';
import type { DocumentSchemas, JsonObject } from './json-schema.ts';
import type { ToolBody } from './route.ts';

/** The request bodies of the document: for each tool what `/tools/execute` takes, by the tool's name. */
export interface ToolBodies {
  readonly components: Readonly<Record<string, JsonObject>>;
  /** The document's `requestBody`. */
  toRequestBody(body: ToolBody): JsonObject;
}

export function createToolBodies(schemas: DocumentSchemas, tools: readonly ToolHandler[]): ToolBodies {
  const inputs = new Map(tools.map(({ name, input }) => [name, schemas.convert(input, 'input')]));
  const components: Record<string, JsonObject> = {};

  const toSchema = ({ envelope, tool }: ToolBody): JsonObject => {
    const fields = schemas.convert(envelope, 'output');
    if (tool !== undefined) return withFields(inputs.get(tool) ?? {}, fields);
    for (const [name, input] of inputs) {
      const named = { ...fields, properties: { ...toObject(fields.properties), tool: { const: name } } };
      components[componentOf(name)] = withFields(input, named);
    }
    const names = [...inputs.keys()];
    const refOf = (name: string): string => `#/components/schemas/${componentOf(name)}`;
    return {
      oneOf: names.map((name) => ({ $ref: refOf(name) })),
      discriminator: {
        propertyName: 'tool',
        mapping: Object.fromEntries(names.map((name) => [name, refOf(name)])),
      },
    };
  };

  return {
    components,
    toRequestBody(body) {
      const shown = tools.filter(({ name }) => body.tool === undefined || name === body.tool);
      const examples = shown.flatMap(({ name }) =>
        examplesOf(inputs.get(name)).map((input, index) => [
          `${name}_${index + 1}`,
          {
            value: {
              ...(body.tool === undefined ? { tool: name } : {}),
              sessionId: EXAMPLE_SESSION,
              ...toObject(input),
            },
          },
        ]),
      );
      return {
        required: true,
        content: {
          'application/json': { schema: toSchema(body), examples: Object.fromEntries(examples) },
        },
      };
    },
  };
}

function componentOf(tool: string): string {
  return `${tool}_request`;
}

/**
 * A tool's input with the fields that every request has. Where the input isn't one object but a choice, each choice gets
 * them, so that a strict object refuses them nowhere.
 */
function withFields(input: JsonObject, fields: JsonObject): JsonObject {
  const { examples: _examples, ...schema } = input;
  for (const choice of ['oneOf', 'anyOf']) {
    const choices = schema[choice];
    if (Array.isArray(choices)) {
      return { ...schema, [choice]: choices.map((each: JsonObject) => withFields(each, fields)) };
    }
  }
  return {
    ...schema,
    type: 'object',
    properties: { ...toObject(fields.properties), ...toObject(schema.properties) },
    required: [...toList(fields.required), ...toList(schema.required)],
  };
}

function examplesOf(input: JsonObject | undefined): readonly unknown[] {
  return toList(input?.examples);
}

function toList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function toObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}
