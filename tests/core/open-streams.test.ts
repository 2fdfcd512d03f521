import { afterEach, describe, expect, it } from 'vitest';
import { createApp } from '../../src/core/http/app.ts';
import { createOpenStreams, OPEN_STREAMS } from '../../src/core/http/open-streams.ts';
import type { Manifest } from '../../src/core/jobs/job.ts';
import { readManifest } from '../../src/core/jobs/manifest.ts';
import { useApp } from '../support/app-fixture.ts';
import { APP_BASE } from '../support/build-app.ts';

const STREAM = { Accept: 'text/event-stream' };
const KEYS = [
  { name: 'anna', key: 'anna-0123456789abcdef012345' },
  { name: 'bob', key: 'bob-00123456789abcdef012345' },
];
const as = (name: string): Record<string, string> => ({
  Authorization: `Bearer ${KEYS.find((key) => key.name === name)?.key}`,
});

const app = useApp({ keys: KEYS, maxQueued: 4 });

const opened: Response[] = [];
afterEach(async () => {
  for (const response of opened.splice(0)) await response.body?.cancel().catch(() => {});
});

const makeJob = async (): Promise<string> =>
  ((await (await app.run([{ stdout: 'x' }], { headers: as('anna') })).json()) as { id: string }).id;

const follow = async (id: string, init: { name?: string; after?: number; method?: string } = {}) => {
  const { name = 'anna', after = 0, method = 'GET' } = init;
  const headers = { ...as(name), 'Last-Event-ID': String(after) };
  const response = await app.request(`/jobs/${id}/events`, { method, headers });
  if (response.status === 200 && method === 'GET') opened.push(response);
  return response;
};

/** Opens as many streams as one caller may have. */
async function fill(id: string): Promise<void> {
  for (let n = 0; n < OPEN_STREAMS; n += 1) expect((await follow(id)).status).toBe(200);
}

describe('a caller with as many open streams as may be', () => {
  it('gets no other, and no job is started for one; others and other requests are served', async () => {
    const id = await makeJob();
    await fill(id);
    const refused = await follow(id);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({
      error: { code: 'rate_limited', message: expect.stringMatching(/128 .* open already: close one/) },
    });
    const jobs = async (): Promise<number> =>
      ((await (await app.request('/jobs', { headers: as('anna') })).json()) as { jobs: [] }).jobs.length;
    expect((await app.run([], { headers: { ...as('anna'), ...STREAM } })).status).toBe(429);
    expect(await jobs()).toBe(1);
    expect((await app.run([], { headers: as('anna') })).status).toBe(200);
    const theirs = await app.run([], { headers: { ...as('bob'), ...STREAM } });
    expect(theirs.status).toBe(200);
    await theirs.text();
    expect((await follow(id, { method: 'HEAD' })).status).toBe(200);
    expect((await follow(id, { after: 999 })).status).toBe(204);
  });

  it('gets one again for each that ends or is left', async () => {
    const id = await makeJob();
    await fill(id);
    await opened.pop()?.text();
    await opened.pop()?.body?.cancel();
    expect((await follow(id)).status).toBe(200);
    const ran = await app.run([], { headers: { ...as('anna'), ...STREAM } });
    expect(ran.status).toBe(200);
    expect((await follow(id)).status).toBe(429);
    await ran.text();
    expect((await follow(id)).status).toBe(200);
  });

  it('HEAD, 204 and what is refused take no place', async () => {
    const id = await makeJob();
    for (let n = 0; n <= OPEN_STREAMS; n += 1) {
      await follow(id, { method: 'HEAD' });
      await follow(id, { after: 999 });
      await app.run([], { headers: { ...as('anna'), ...STREAM }, fields: { language: 'cobol' } });
    }
    expect((await follow(id)).status).toBe(200);
  });

  it('a stream that breaks gives its place back', async () => {
    const id = await makeJob();
    const { catalog } = app.deps;
    const openEvents: typeof catalog.openEvents = async (ref) => ({
      ...(await catalog.openEvents(ref)),
      files: { readPart: () => Promise.reject(new Error('EMFILE')) },
    });
    const broken = createApp({ ...app.deps, catalog: { ...catalog, openEvents } });
    for (let n = 0; n <= OPEN_STREAMS; n += 1) {
      const response = await broken.request(`${APP_BASE}/jobs/${id}/events`, { headers: as('anna') });
      expect(response.status).toBe(200);
      await expect(response.text()).rejects.toThrow();
    }
  });
});

describe('open streams', () => {
  it('hold one manifest for all readers of a job, and none once the last has left', async () => {
    const id = await makeJob();
    const read = async (): Promise<Manifest> => {
      const manifest = await readManifest(app.deps.store, { sessionId: 's', jobId: id });
      if (manifest === undefined) throw new Error('the job has no manifest');
      return manifest;
    };
    const streams = createOpenStreams(2);
    const [first, second, third] = [await read(), await read(), await read()];
    const [a, leaveA] = streams.share(first);
    const [b, leaveB] = streams.share(second);
    expect(a).toBe(first);
    expect(b).toBe(first);
    leaveA();
    leaveA();
    expect(streams.share(third)[0]).toBe(first);
    leaveB();
    const closedLater = { ...third, job: { ...third.job, endedAt: '2026-01-01T00:00:00.000Z' } };
    expect(streams.share(closedLater)[0]).toBe(closedLater);
  });

  it('count a leaver once', () => {
    const streams = createOpenStreams(1);
    const leave = streams.enter('a');
    expect(() => streams.enter('a')).toThrow(/close one/);
    leave();
    const again = streams.enter('a');
    leave();
    expect(() => streams.enter('a')).toThrow();
    again();
    streams.enter('a');
  });
});

describe('readers who come at once', () => {
  it('read the job’s manifest once between them, and again when they come later', async () => {
    const id = await makeJob();
    const { catalog } = app.deps;
    let found = 0;
    const find: typeof catalog.find = async (jobId) => {
      found += 1;
      return catalog.find(jobId);
    };
    const counted = createApp({ ...app.deps, catalog: { ...catalog, find } });
    const read = async (): Promise<string> =>
      (await counted.request(`${APP_BASE}/jobs/${id}/events`, { headers: as('anna') })).text();
    const texts = await Promise.all(Array.from({ length: 20 }, read));
    expect(found).toBe(1);
    expect(new Set(texts).size).toBe(1);
    await read();
    expect(found).toBe(2);
  });

  it('are each told by their own key whether there is such a job', async () => {
    const id = await makeJob();
    const responses = await Promise.all([follow(id), follow(id, { name: 'bob' })]);
    expect(responses.map(({ status }) => status)).toEqual([200, 404]);
  });
});
