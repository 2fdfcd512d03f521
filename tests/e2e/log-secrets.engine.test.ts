import { expect, it } from 'vitest';
import { allEvents } from '../support/event-stream.ts';
import {
  MARKED_HEADERS,
  MARKERS,
  markedRequest,
  openLinks,
  readLog,
  sendMarked,
  sendRefused,
} from '../support/log-markers.ts';
import { type RunningService, startServiceProcess } from '../support/start-service.ts';

const ENV = { AA_API_KEYS: `anna:${MARKERS.key}` };

interface Answer {
  readonly id: string;
  readonly artifacts: { readonly outputs: { readonly stdout: string } };
}

async function sendJobs(service: RunningService): Promise<{ ids: readonly string[]; signature: string }> {
  const send = (path: string, init: RequestInit): Promise<Response> => fetch(`${service.url}${path}`, init);
  const ids: string[] = [];
  let signature = '';
  const failures = [
    {},
    { code: `echo ${MARKERS.output}; exit 3` },
    { language: 'python', code: `raise Exception('${MARKERS.code}')` },
    { code: `echo ${MARKERS.output}; sleep 30`, timeoutMs: 300 },
    {
      language: 'node',
      code: `const x = '${MARKERS.code}'; x.repeat(2 ** 29)`,
      limits: { memoryBytes: 2 ** 25 },
    },
  ];
  for (const fields of failures) {
    const { status, text } = await sendMarked(send, fields);
    // A run with very little memory may fail at its start.
    expect([200, 503]).toContain(status);
    if (status !== 200) continue;
    const answer = JSON.parse(text) as Answer;
    ids.push(answer.id);
    signature = await openLinks(send, answer.artifacts.outputs.stdout);
  }
  const stream = await send('/run', {
    method: 'POST',
    headers: { ...MARKED_HEADERS, Accept: 'text/event-stream' },
    body: JSON.stringify({ ...markedRequest(), tool: undefined }),
  });
  expect((await allEvents(stream)).at(-1)?.event).toBe('result');
  expect(await sendRefused(send)).toContain(415);
  return { ids, signature };
}

it.each([
  ['node', 'debug'],
  ['node', 'info'],
  ['bun', 'debug'],
] as const)(
  'on %s at level %s the log names requests and jobs, and nothing that they carry',
  async (on, level) => {
    const service = await startServiceProcess({ on, env: { ...ENV, AA_LOG_LEVEL: level } });
    const { ids, signature } = await sendJobs(service);
    await service.stop();
    const lines = readLog(service.log(), [signature]);
    expect(lines.length).toBeGreaterThan(10);
    for (const id of ids)
      expect(lines.some(({ job, requestId }) => job === id && requestId !== undefined)).toBe(true);
  },
);

it('where the worker image is missing, too', async () => {
  const env = { ...ENV, AA_LOG_LEVEL: 'debug', AA_WORKER_IMAGE: 'aa-none:none' };
  const service = await startServiceProcess({ env, awaitsReady: false });
  const { status } = await sendMarked((path, init) => fetch(`${service.url}${path}`, init));
  expect(status).toBe(500);
  await service.stop();
  expect(readLog(service.log(), []).map(({ code }) => code)).toContain('image_unavailable');
});
