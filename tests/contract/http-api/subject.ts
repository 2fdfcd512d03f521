import * as v from 'valibot';
import { expect } from 'vitest';

/** A running service under examination, however it is run. */
export interface HttpSubject {
  /** Without a trailing `/`. */
  readonly baseUrl: string;
  readonly storageRoot: string;
  /** What its containers are labelled with. */
  readonly instanceId: string;
  /** The engine that it uses. */
  readonly engine: 'docker' | 'podman';
  /** As `fetch`; a path is taken relative to `baseUrl`. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** One request whose path and headers arrive as they stand here: nothing is normalised, no `Host` is refused. */
  raw(request: RawRequest): Promise<RawResponse>;
  /** Ends the service; throws when it left anything behind. */
  close(): Promise<void>;
}

export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface RawResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** What a topic's tests get: the subject is there once they run. */
export type SubjectGetter = () => HttpSubject;

const wholeMs = v.pipe(v.number(), v.integer(), v.minValue(0));
const url = v.pipe(v.string(), v.url());

const fileRow = v.strictObject({
  name: v.pipe(v.string(), v.minLength(1)),
  kind: v.picklist(['input', 'output']),
  url,
  size: wholeMs,
  mediaType: v.pipe(v.string(), v.regex(/^[\w.+-]+\/[\w.+-]+(; charset=utf-8)?$/)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  truncated: v.boolean(),
  omittedBytes: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

/** The execute answer as the contract's section 1 has it: every field, no other. */
const answerSchema = v.strictObject({
  tool: v.literal('code_execution'),
  sessionId: v.string(),
  id: v.pipe(v.string(), v.regex(/^[0-9a-z]{45}$/)),
  exitCode: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(255)),
  outcome: v.picklist(['exited', 'signaled', 'timed_out', 'oom_killed', 'disk_limit', 'canceled']),
  signal: v.optional(v.pipe(v.string(), v.regex(/^SIG[A-Z0-9]+$/))),
  oomKilled: v.optional(v.literal(true)),
  durationMs: v.pipe(v.number(), v.minValue(0)),
  limits: v.strictObject({
    timeoutMs: v.number(),
    memoryBytes: v.number(),
    cpus: v.number(),
    pids: v.number(),
    outputBytes: v.number(),
    diskBytes: v.number(),
  }),
  timings: v.strictObject({
    queue: wholeMs,
    create: wholeMs,
    start: wholeMs,
    run: wholeMs,
    collect: wholeMs,
  }),
  artifacts: v.strictObject({ inputs: v.record(v.string(), url), outputs: v.record(v.string(), url) }),
  files: v.array(fileRow),
  skipped: v.array(v.strictObject({ name: v.string(), reason: v.string() })),
  truncated: v.optional(v.literal(true)),
});

export type Answer = v.InferOutput<typeof answerSchema>;

export function post(
  subject: HttpSubject,
  path: string,
  body: unknown,
  init: RequestInit = {},
): Promise<Response> {
  const headers = { 'Content-Type': 'application/json', ...(init.headers as Record<string, string>) };
  return subject.fetch(path, { ...init, method: 'POST', headers, body: JSON.stringify(body) });
}

let sessions = 0;

export function newSession(): string {
  sessions += 1;
  return `exam-${sessions}`;
}

/** Runs code and checks the whole shape of the answer. */
export async function execute(subject: HttpSubject, fields: Record<string, unknown>): Promise<Answer> {
  const body = { tool: 'code_execution', sessionId: newSession(), ...fields };
  const response = await post(subject, '/tools/execute', body);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return toAnswer(JSON.parse(text));
}

export function toAnswer(value: unknown): Answer {
  const answer = v.parse(answerSchema, value);
  const urls = (kind: 'input' | 'output') =>
    Object.fromEntries(
      answer.files.filter((file) => file.kind === kind).map((file) => [file.name, file.url]),
    );
  expect(answer.artifacts).toEqual({ inputs: urls('input'), outputs: urls('output') });
  return answer;
}

export async function download(subject: HttpSubject, address: string | undefined): Promise<Buffer> {
  if (address === undefined) throw new Error('the answer lists no such artifact');
  const response = await subject.fetch(address);
  expect(response.status, address).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

/** What a run wrote to its standard output. */
export async function stdoutOf(subject: HttpSubject, answer: Answer): Promise<string> {
  return (await download(subject, answer.artifacts.outputs.stdout)).toString();
}

export async function stderrOf(subject: HttpSubject, answer: Answer): Promise<string> {
  return (await download(subject, answer.artifacts.outputs.stderr)).toString();
}

const errorSchema = v.object({
  error: v.object({
    code: v.string(),
    message: v.pipe(v.string(), v.regex(/\.$/)),
    requestId: v.pipe(v.string(), v.minLength(8)),
    issues: v.optional(v.array(v.strictObject({ path: v.string(), message: v.string() }))),
  }),
});

export type ErrorBody = v.InferOutput<typeof errorSchema>['error'];

/** Checks an error answer: its status, its code, its shape, that its id is the header's, and that it tells nothing of the host. */
export async function expectError(response: Response, status: number, code: string): Promise<ErrorBody> {
  return checkError(
    { status: response.status, headers: response.headers, text: await response.text() },
    status,
    code,
  );
}

export function checkError(response: RawResponse, status: number, code: string): ErrorBody {
  expect(response.status, response.text).toBe(status);
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  const { error } = v.parse(errorSchema, JSON.parse(response.text));
  expect(error.code).toBe(code);
  expect(error.requestId).toBe(response.headers.get('x-request-id'));
  expect(response.text).not.toMatch(/\.ts:|node_modules|aa-storage|\/tmp\//);
  const retryAfter = response.headers.get('retry-after');
  if (status === 503 || status === 429) expect(retryAfter).toMatch(/^[1-9]\d*$/);
  else expect(retryAfter).toBeNull();
  return error;
}
