import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { checkAnswer, operationOf } from './fuzz-check.ts';
import { type FuzzRequest, fuzzRequests } from './fuzz-requests.ts';
import { type ApiDocument, shapesOf } from './openapi.ts';

/** What is sent made-up requests. */
export interface FuzzSubject {
  readonly document: ApiDocument;
  /** Keys that open it. */
  readonly keys: readonly string[];
  /** As `fetch`, with a path. */
  send(path: string, init: RequestInit): Promise<Response>;
}

/** How often which answer came, by `<operationId> <status>`; `left` counts clients that went away before. */
export type Tally = ReadonlyMap<string, number>;

interface KnownJob {
  readonly id: string;
  readonly sessionId: string;
}

/** Requests that are under way at the same time. */
const BURST = 10;
const ANSWER_WITHIN_MS = 20_000;

/**
 * Sends `count` requests, made of the document's own schemas, in bursts, and fails at an answer that the document doesn't
 * allow, at any 5xx but 503, and where no answer comes.
 */
export async function fuzz(subject: FuzzSubject, count: number, seed?: number): Promise<Tally> {
  const { document } = subject;
  const shapes = shapesOf(document, { strict: true });
  const tally = new Map<string, number>();
  const known: KnownJob[] = [];

  const one = async (request: FuzzRequest): Promise<void> => {
    const path = toPath(request, known);
    const { method, headers, body, leavesAfter } = request;
    const gone = new AbortController();
    if (leavesAfter !== undefined) void sleep(leavesAfter).then(() => gone.abort());
    const init = { method, headers, signal: gone.signal, ...(body === undefined ? {} : { body }) };
    const answered = subject.send(path, init).then(async (response) => {
      const value = await checkAnswer(document, shapes, { request, path, response });
      if (isJob(value)) known.push(value);
      return response.status;
    });
    const status = await withinTime(answered, `${method} ${path}`).catch((error: unknown) => {
      if (gone.signal.aborted && isAbort(error)) return 'left';
      throw error;
    });
    const name = `${operationOf(document, request)?.operationId ?? 'none'} ${status}`;
    tally.set(name, (tally.get(name) ?? 0) + 1);
  };

  const burst = fc.array(fuzzRequests(document, subject.keys), { minLength: BURST, maxLength: BURST });
  await fc.assert(
    fc.asyncProperty(burst, async (requests) => {
      await Promise.all(requests.map(one));
    }),
    { numRuns: Math.ceil(count / BURST), endOnFailure: true, ...(seed === undefined ? {} : { seed }) },
  );
  return tally;
}

function toPath({ template, path, query }: FuzzRequest, known: readonly KnownJob[]): string {
  const chosen = Object.values(path).find((part) => typeof part !== 'string');
  const job = chosen === undefined ? undefined : known[chosen.known % Math.max(known.length, 1)];
  const values: Readonly<Record<string, string>> = {
    id: job?.id ?? 'none',
    jobId: job?.id ?? 'none',
    sessionId: job?.sessionId ?? 's1',
    filename: 'stdout',
  };
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const part = path[name];
    return typeof part === 'string' ? part : (values[name] ?? name);
  });
  return query === '' ? filled : `${filled}?${query}`;
}

function isJob(value: unknown): value is KnownJob {
  return typeof value === 'object' && value !== null && 'id' in value && 'sessionId' in value;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && /abort|terminated/i.test(`${error.name} ${error.message} ${error.cause}`);
}

async function withinTime<T>(work: Promise<T>, what: string): Promise<T> {
  const over = new AbortController();
  const late = sleep(ANSWER_WITHIN_MS, undefined, { signal: over.signal }).then(() => {
    throw new Error(`no answer to ${what} within ${ANSWER_WITHIN_MS} ms`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}
