import type * as v from 'valibot';
import { AppError } from '../errors.ts';
import type { AppContext } from './context.ts';
import { parseInput, QUERY } from './parse-input.ts';

/** Parses a query by its schema. A parameter without a value is absent: forms send the fields that nobody filled in. */
export function parseQuery<S extends v.StrictObjectSchema<v.ObjectEntries, undefined>>(
  c: AppContext,
  schema: S,
): v.InferOutput<S> {
  const sent = Object.entries(c.req.query()).filter(
    ([name, value]) => value !== '' || !Object.hasOwn(schema.entries, name),
  );
  return parseInput(schema, Object.fromEntries(sent), QUERY);
}

/** Throws `invalid_request` for a parameter that stands twice: whoever reads the same query may read the other one. */
export function refuseRepeated(c: AppContext, names: readonly string[]): void {
  const { searchParams } = new URL(c.req.raw.url);
  const issues = names
    .filter((name) => searchParams.getAll(name).length > 1)
    .map((path) => ({ path, message: 'Stands more than once: send it once.' }));
  const [first] = issues;
  if (first === undefined) return;
  throw new AppError('invalid_request', `${first.path}: ${first.message}`, { issues });
}
