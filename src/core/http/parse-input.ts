import * as v from 'valibot';
import { AppError, type Issue } from '../errors.ts';

const MAX_ISSUES = 20;

/**
 * Parses by a schema; throws `invalid_request` with where and what, or `too_large` when a list is too long.
 *
 * @param what how the message calls the whole of the value
 */
export function parseInput<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  what = 'The body',
): v.InferOutput<S> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const tooLong = result.issues.find((issue) => issue.type === 'max_length' && Array.isArray(issue.input));
  const issues = result.issues.slice(0, MAX_ISSUES).map(toIssue);
  if (tooLong !== undefined) throw new AppError('too_large', tooLong.message, { issues });
  const [first] = issues;
  const where = first === undefined || first.path === '' ? what : first.path;
  throw new AppError('invalid_request', `${where}: ${first?.message ?? 'is not valid.'}`, { issues });
}

function toIssue(issue: v.BaseIssue<unknown>): Issue {
  return { path: v.getDotPath(issue) ?? '', message: toMessage(issue) };
}

/** Valibot's own sentences quote what was sent; ours name what to send. */
function toMessage(issue: v.BaseIssue<unknown>): string {
  if (issue.kind !== 'schema') return issue.message;
  if (issue.expected === 'never') return 'Is no field of this tool: remove it.';
  if (issue.received === 'undefined') return `Is missing: send ${issue.expected ?? 'it'}.`;
  return issue.message.startsWith('Invalid')
    ? `Must be ${issue.expected ?? 'of another type'}.`
    : issue.message;
}
