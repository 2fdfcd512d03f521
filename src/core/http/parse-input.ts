import * as v from 'valibot';
import { AppError, type Issue } from '../errors.ts';

const MAX_ISSUES = 20;

/** Where in a request a value stands, so that what is wrong with it is called by its name there. */
export interface InputPlace {
  /** How messages call the whole of the value. */
  readonly whole: string;
  /** How issues do. */
  readonly path: string;
  /** What is said of a name in it that the schema doesn't have. */
  readonly unknown: string;
}

const BODY: InputPlace = { whole: 'The body', path: '', unknown: 'Is no field of this tool: remove it.' };
export const QUERY: InputPlace = {
  whole: 'The query',
  path: '',
  unknown: 'Is no parameter of this route: remove it.',
};

export function headerPlace(name: string): InputPlace {
  return { whole: name, path: name, unknown: 'Is no part of this header: remove it.' };
}

/** Parses by a schema; throws `invalid_request` with where and what, or `too_large` when a list is too long. */
export function parseInput<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  place: InputPlace = BODY,
): v.InferOutput<S> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const tooLong = result.issues.find((issue) => issue.type === 'max_length' && Array.isArray(issue.input));
  const issues = result.issues.slice(0, MAX_ISSUES).map((issue) => toIssue(issue, place));
  if (tooLong !== undefined) throw new AppError('too_large', tooLong.message, { issues });
  const [first] = issues;
  const where = first === undefined || first.path === '' ? place.whole : first.path;
  throw new AppError('invalid_request', `${where}: ${first?.message ?? 'is not valid.'}`, { issues });
}

function toIssue(issue: v.BaseIssue<unknown>, place: InputPlace): Issue {
  return { path: v.getDotPath(issue) ?? place.path, message: toMessage(issue, place) };
}

/** Valibot's own sentences quote what was sent; ours name what to send. */
function toMessage(issue: v.BaseIssue<unknown>, { unknown }: InputPlace): string {
  if (issue.kind !== 'schema') return issue.message;
  if (issue.expected === 'never') return unknown;
  if (issue.received === 'undefined') return `Is missing: send ${issue.expected ?? 'it'}.`;
  return issue.message.startsWith('Invalid')
    ? `Must be ${issue.expected ?? 'of another type'}.`
    : issue.message;
}
