import fc from 'fast-check';
import type { ApiDocument, JsonSchema } from './openapi.ts';

/** Strings that something somewhere takes for more than text. */
const AWKWARD = [
  '',
  ' ',
  '\0',
  '\ud800',
  '..',
  '../x',
  '/etc/passwd',
  'a\\b',
  '__proto__',
  'stdout',
  '%ff',
  'é',
  '💥',
  '-',
];

const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 30 }) },
  { weight: 1, arbitrary: fc.constantFrom(...AWKWARD) },
);

/** Values of a JSON Schema, as far as the schema can say what is one. */
export function toArbitrary(schema: JsonSchema, document: ApiDocument): fc.Arbitrary<unknown> {
  const of = (part: unknown): fc.Arbitrary<unknown> => toArbitrary(part as JsonSchema, document);
  if (typeof schema.$ref === 'string') {
    return of(document.components.schemas[schema.$ref.replace('#/components/schemas/', '')]);
  }
  if ('const' in schema) return fc.constant(schema.const);
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum);
  const choices = schema.oneOf ?? schema.anyOf;
  if (Array.isArray(choices)) return fc.oneof(...choices.map(of));
  switch (schema.type) {
    case 'string':
      return typeof schema.pattern === 'string' ? fc.stringMatching(new RegExp(schema.pattern)) : anyText;
    case 'integer':
      return fc.oneof(
        fc.integer(boundsOf(schema, 10_000)),
        fc.maxSafeInteger().filter((n) => n >= Number(schema.minimum ?? n)),
      );
    case 'number':
      return fc.double({
        min: Number(schema.exclusiveMinimum ?? -1e9),
        max: 1e9,
        noNaN: true,
        minExcluded: true,
      });
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(of(schema.items ?? {}), { maxLength: 3 });
    case 'object':
      return toObject(schema, of);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function boundsOf(schema: JsonSchema, most: number): { min: number; max: number } {
  const min = Math.max(Number(schema.minimum ?? -most), -most);
  return { min, max: Math.max(min, Math.min(Number(schema.maximum ?? most), most)) };
}

function toObject(
  schema: JsonSchema,
  of: (part: unknown) => fc.Arbitrary<unknown>,
): fc.Arbitrary<Record<string, unknown>> {
  const { properties = {}, required = [], additionalProperties } = schema;
  const named = fc.record(
    Object.fromEntries(Object.entries(properties as object).map(([name, part]) => [name, of(part)])),
    { requiredKeys: required as never[] },
  );
  if (typeof additionalProperties !== 'object') return named;
  const others = fc.dictionary(fc.stringMatching(/^[A-Za-z_]{1,8}$/), of(additionalProperties), {
    maxKeys: 3,
  });
  return fc.tuple(named, others).map(([one, other]) => ({ ...other, ...one }));
}

/** A JSON value like `base`, but with something wrong at one place. */
export function mangled(base: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const wrong = fc.oneof(fc.jsonValue({ maxDepth: 1 }), anyText, fc.constantFrom(1e308, -1, 0.5, null));
  return fc
    .tuple(
      base,
      fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
      wrong,
      fc.constantFrom('replace', 'remove', 'add'),
    )
    .map(([value, way, part, how]) => change(value, way, part, how));
}

function change(value: unknown, [step = 0, ...way]: readonly number[], part: unknown, how: string): unknown {
  if (typeof value !== 'object' || value === null) return part;
  const entries = Object.entries(value);
  const at = step % Math.max(entries.length, 1);
  const found = entries[at];
  const inner = found !== undefined && typeof found[1] === 'object' && found[1] !== null && way.length > 0;
  const changed = inner
    ? entries.map(
        ([name, each], index) => [name, index === at ? change(each, way, part, how) : each] as const,
      )
    : how === 'add'
      ? [...entries, ['unknown', part] as const]
      : how === 'remove'
        ? entries.filter((_, index) => index !== at)
        : entries.map(([name, each], index) => [name, index === at ? part : each] as const);
  return Array.isArray(value) ? changed.map(([, each]) => each) : Object.fromEntries(changed);
}
