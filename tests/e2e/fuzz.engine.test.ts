import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { waitForContainers } from '../support/engine.ts';
import { fuzz } from '../support/fuzz.ts';
import { jobsWithoutEnd } from '../support/jobs-without-end.ts';
import { loadDocument } from '../support/openapi.ts';
import { tenth } from '../support/rounds.ts';
import { type RunningService, startServiceProcess } from '../support/start-service.ts';

const KEY = 'a-key-of-24-characters-or-more';
const HEADERS = { Authorization: `Bearer ${KEY}` };
const ENV = {
  AA_API_KEYS: `anna:${KEY}`,
  AA_MAX_TIMEOUT_MS: '1500',
  AA_MAX_RUNNING: '4',
  AA_RESUME_GRACE_MS: '200',
};

it.each(['node', 'bun'] as const)(
  'requests made of the document’s schemas, on %s: each answer is in the document, and nothing is left',
  async (on) => {
    const service = await startServiceProcess({ on, env: ENV });
    const send = (path: string, init?: RequestInit): Promise<Response> =>
      fetch(`${service.url}${path}`, init);
    const document = await loadDocument((path) => send(path, { headers: HEADERS }));
    const tally = await fuzz({ document, keys: [KEY], send }, tenth(2000));
    expect([...tally.keys()]).toEqual(
      expect.arrayContaining(['executeTool 400', 'runCode 200', 'getHealth 200']),
    );
    await waitUntilIdle(service);
    await waitForContainers(service.instanceId, 0, 5000);
    expect(jobsWithoutEnd(service.storageRoot)).toEqual([]);
    expect(service.log()).not.toMatch(/"level":60|a rejection that nobody handled/);
    await service.stop();
  },
  1_200_000,
);

/** No job has a turn or waits for one; throws when some still do after five seconds. */
async function waitUntilIdle({ url }: RunningService): Promise<void> {
  for (let left = 50; ; left -= 1) {
    const text = await (await fetch(`${url}/metrics`, { headers: HEADERS })).text();
    if (/^aa_jobs_running 0$/m.test(text) && /^aa_jobs_queued 0$/m.test(text)) return;
    if (left === 0) throw new Error(`not idle:\n${text}`);
    await sleep(100);
  }
}
