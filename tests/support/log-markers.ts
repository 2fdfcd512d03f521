import { expect } from 'vitest';

/** Text that must never be in a log, each piece where a caller may put something of theirs. */
export const MARKERS = {
  code: 'marker-in-code',
  stdin: 'marker-in-stdin',
  argument: 'marker-in-argument',
  environment: 'marker-in-environment',
  file: 'marker-in-file',
  encoded: 'marker-in-encoded-file',
  output: 'marker-in-output',
  refused: 'marker-in-refused-field',
  broken: 'marker-in-broken-json',
  key: 'marker-in-key-of-24-characters',
  wrongKey: 'marker-in-wrong-key-of-24-characters',
  queryKey: 'marker-in-query-key',
  signature: 'marker-in-signature',
} as const;

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A request with a marker in each of its fields. */
export function markedRequest(fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    tool: 'code_execution',
    sessionId: 'marked',
    language: 'bash',
    code: `# ${MARKERS.code}\ncat; printenv NAME; echo ${MARKERS.output} | tee left.txt >&2`,
    stdin: MARKERS.stdin,
    args: [MARKERS.argument],
    env: { NAME: MARKERS.environment },
    files: [
      { path: 'a.txt', content: MARKERS.file },
      { path: 'b.txt', content: base64(MARKERS.encoded), encoding: 'base64' },
    ],
    ...fields,
  };
}

type Send = (path: string, init: RequestInit) => Promise<Response>;

export const MARKED_HEADERS = {
  'Content-Type': 'application/json',
  Authorization: `Bearer ${MARKERS.key}`,
};

/** Sends a marked request and reads its answer to the end. */
export async function sendMarked(
  send: Send,
  fields: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const body = JSON.stringify(markedRequest(fields));
  const response = await send('/tools/execute', {
    method: 'POST',
    headers: { ...MARKED_HEADERS, ...headers },
    body,
  });
  return { status: response.status, text: await response.text() };
}

/** Everything that can be refused, a marker in each. Returns the statuses. */
export async function sendRefused(send: Send): Promise<readonly number[]> {
  const post = (body: string, headers = {}): Promise<Response> =>
    send('/tools/execute', { method: 'POST', headers: { ...MARKED_HEADERS, ...headers }, body });
  const responses = [
    await post(`{"code": "${MARKERS.broken}`),
    await post(JSON.stringify(markedRequest({ language: MARKERS.refused }))),
    await post(JSON.stringify(markedRequest({ [MARKERS.refused]: MARKERS.refused }))),
    await post(JSON.stringify(markedRequest({ args: [`${MARKERS.refused}\0`] }))),
    await post(JSON.stringify(markedRequest({ tool: MARKERS.refused }))),
    await post(JSON.stringify(markedRequest()), { 'Content-Type': 'text/plain' }),
    await post(JSON.stringify(markedRequest()), { 'Idempotency-Key': `${MARKERS.refused} x` }),
    await post(JSON.stringify(markedRequest()), { Authorization: `Bearer ${MARKERS.wrongKey}` }),
    await send(`/tools?key=${MARKERS.queryKey}`, {}),
  ];
  await Promise.all(responses.map((response) => response.body?.cancel()));
  return responses.map(({ status }) => status);
}

/** Opens a signed link, and the same with another signature. Returns the link's signature. */
export async function openLinks(send: Send, link: string): Promise<string> {
  const { pathname, search, searchParams } = new URL(link);
  const good = await send(pathname + search, {});
  expect(good.status).toBe(200);
  await good.body?.cancel();
  const bad = await send(`${pathname}?exp=9999999999&sig=${MARKERS.signature}`, {});
  expect(bad.status).toBe(401);
  await bad.body?.cancel();
  return searchParams.get('sig') ?? '';
}

/** One line of the log. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly requestId?: string;
  readonly job?: string;
  readonly code?: string;
}

/** Reads a log, and fails when it isn't JSON or holds a marker, in plain or encoded, or one of the other secrets. */
export function readLog(log: string, secrets: readonly string[]): readonly LogLine[] {
  const lines = log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogLine);
  const texts = [...Object.values(MARKERS), ...secrets];
  const found = texts.flatMap((text) => [text, base64(text)]).filter((text) => log.includes(text));
  expect(found).toEqual([]);
  expect(log).not.toMatch(/sig=|Bearer /);
  return lines;
}
