import { ERROR_TABLE, type ErrorCode } from '../../src/core/errors.ts';
import { ERROR_MEANINGS } from '../../src/core/http/error-meanings.ts';
import { type Method, type Route, SHARED_ERRORS } from '../../src/core/http/route.ts';

/** The row of addresses that are no route's. */
export const ELSEWHERE = 'any other address';

/** One operation (`GET /jobs/:id`), or {@link ELSEWHERE}, and the codes that it can answer with. */
export interface ErrorRow {
  readonly operation: string;
  readonly method: Method;
  readonly path: string;
  readonly codes: readonly ErrorCode[];
}

/** What the code says of itself: each operation and its errors. A path's 405 stands with each of its operations. */
export function toErrorRows(routes: readonly Route[]): readonly ErrorRow[] {
  return routes.flatMap(({ path, methods }) =>
    Object.entries(methods).map(([method, { errors }]) => ({
      operation: `${method} ${path}`,
      method: method as Method,
      path,
      codes: [...SHARED_ERRORS, ...errors, 'method_not_allowed'] satisfies ErrorCode[],
    })),
  );
}

/** The document `docs/errors.md`. */
export function toErrorDocument(rows: readonly ErrorRow[]): string {
  return `# Errors

Made by \`tests/core/error-table.test.ts\` from what the routes declare; \`npx vitest run -u tests/core/error-table.test.ts\` writes
it anew. A test makes each of these errors happen at each of these routes.

Every error is \`{ "error": { "code", "message", "requestId" } }\`; \`invalid_request\` has \`issues\` beside them, \`infra_error\` what is
known of the job. The message ends with the cure. \`Retry-After\` comes with 429 and 503, in whole seconds.

## Codes

${toTable(
  ['status', 'code', 'meaning', 'Retry-After'],
  codes().map((code) => {
    const row: { status: number; retryAfter?: number } = ERROR_TABLE[code];
    return [String(row.status), `\`${code}\``, ERROR_MEANINGS[code], String(row.retryAfter ?? '')];
  }),
)}

## Routes

Every route can answer with ${quoted([...SHARED_ERRORS, 'method_not_allowed'])}.
An address that is no route's answers \`not_found\`, or \`method_not_allowed\` to a method that is used nowhere. Beside the shared ones:

${toTable(
  ['route', 'status', 'codes'],
  rows.flatMap(({ operation, codes: all }) => toRouteRows(operation, all)),
)}
`;
}

function toRouteRows(operation: string, all: readonly ErrorCode[]): string[][] {
  const shared: readonly ErrorCode[] = [...SHARED_ERRORS, 'method_not_allowed'];
  const own = all.filter((code) => !shared.includes(code));
  const statuses = [...new Set(own.map((code) => ERROR_TABLE[code].status))].sort((a, b) => a - b);
  if (statuses.length === 0) return [[`\`${operation}\``, '', 'none']];
  return statuses.map((status) => [
    `\`${operation}\``,
    String(status),
    quoted(own.filter((code) => ERROR_TABLE[code].status === status)),
  ]);
}

function codes(): readonly ErrorCode[] {
  return Object.keys(ERROR_TABLE) as ErrorCode[];
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

function toTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) =>
    Math.max(name.length, 3, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const toLine = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = toLine(widths.map((width) => '-'.repeat(width)));
  return [toLine(head), rule, ...rows.map(toLine)].join('\n');
}
