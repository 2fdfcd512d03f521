import { expect, it, vi } from 'vitest';
import { useApp } from '../support/app-fixture.ts';
import { fuzz } from '../support/fuzz.ts';
import { jobsWithoutEnd } from '../support/jobs-without-end.ts';
import { loadDocument } from '../support/openapi.ts';

const KEY = 'a-key-of-24-characters-or-more';

const MUST_MEET = [
  'executeTool 200',
  'executeTool 202',
  'executeTool 400',
  'runCode 200',
  'getJob 200',
  'getArtifact 200',
];

const app = useApp({
  keys: [{ name: 'anna', key: KEY }],
  maxRunning: 4,
  maxQueued: 64,
  queueTimeoutMs: 10_000,
  maxInFlight: 64,
  resumeGraceMs: 100,
});

it('2,000 requests made of the document’s schemas: each answer is in the document, and nothing is left', async () => {
  const headers = { Authorization: `Bearer ${KEY}` };
  const document = await loadDocument((path) => app.request(path, { headers }));
  const send = (path: string, init: RequestInit): Promise<Response> =>
    answerOrAbort(app.request(path, init), init);
  const tally = await fuzz({ document, keys: [KEY], send }, 2000);
  // What the noise must have met, else it proves little.
  expect([...tally.keys()]).toEqual(expect.arrayContaining(MUST_MEET));
  await vi.waitFor(() => expect(app.supervisor.load()).toEqual({ running: 0, queued: 0 }), 5000);
  expect(app.fake.specs()).toEqual([]);
  expect(jobsWithoutEnd(app.storageRoot)).toEqual([]);
}, 120_000);

/** In process nothing but the signal tells that a client has gone. */
function answerOrAbort(answer: Promise<Response>, { signal }: RequestInit): Promise<Response> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      reject(new DOMException('gone', 'AbortError'));
      // What is still answered holds a file open; an adapter closes it too.
      answer.then(({ body }) => body?.cancel(), reject);
    };
    signal?.addEventListener('abort', leave);
    answer.then((response) => {
      signal?.removeEventListener('abort', leave);
      resolve(response);
    }, reject);
  });
}
