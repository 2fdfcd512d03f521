import { describe, expect, it } from 'vitest';
import { toAnswerJson } from '../../src/core/http/answer-json.ts';
import { createApp } from '../../src/core/http/app.ts';
import type { App } from '../../src/core/http/context.ts';
import { toJobAnswer } from '../../src/core/http/execute-response.ts';
import type { ArtifactRow, Manifest } from '../../src/core/jobs/job.ts';
import { keepEnd, readManifest } from '../../src/core/jobs/manifest.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { useApp } from '../support/app-fixture.ts';
import { APP_BASE } from '../support/build-app.ts';
import { readEvents } from '../support/event-stream.ts';

const KEY = 'anna-0123456789abcdef012345';
const AUTH = { Authorization: `Bearer ${KEY}` };
const FILES = 2000;

const app = useApp({ keys: [{ name: 'anna', key: KEY }] });

const toRow = (n: number): ArtifactRow => ({
  name: `folder/file ${n}.txt`,
  kind: n % 4 === 0 ? 'input' : 'output',
  path: `workspace/folder/file ${n}.txt`,
  size: n,
  mediaType: 'text/plain; charset=utf-8',
  sha256: 'a'.repeat(64),
  truncated: false,
});

interface Counted {
  readonly app: App;
  readonly id: string;
  /** How many events stand before the artifacts'. */
  readonly before: number;
  signed(): number;
  /** The most signatures that were being made at one time. */
  mostAtOnce(): number;
}

/** A stopped job whose manifest names thousands of files, and an application that counts the signatures it makes. */
async function makeLongJob(change: (manifest: Manifest) => Manifest = (same) => same): Promise<Counted> {
  const response = await app.run([{ stdout: 'x' }], { headers: AUTH });
  const { id } = (await response.json()) as { id: string };
  const ref = { sessionId: 's', jobId: id };
  const manifest = await readManifest(app.deps.store, ref);
  if (manifest === undefined) throw new Error('the job has no manifest');
  const files = Array.from({ length: FILES }, (_, n) => toRow(n));
  const workspace = await app.storage.workspaces.open(ref);
  if (workspace === undefined) throw new Error('the job has no folder');
  await keepEnd(app.deps.store, workspace, change({ ...manifest, files }), silentLogger);
  let signed = 0;
  let atOnce = 0;
  let most = 0;
  const { urlSigner } = app.deps;
  const sign: typeof urlSigner.sign = async (...of) => {
    signed += 1;
    atOnce += 1;
    most = Math.max(most, atOnce);
    const query = await urlSigner.sign(...of);
    atOnce -= 1;
    return query;
  };
  return {
    app: createApp({ ...app.deps, urlSigner: { ...urlSigner, sign } }),
    id,
    before: (await app.deps.catalog.openEvents(ref)).count,
    signed: () => signed,
    mostAtOnce: () => most,
  };
}

const follow = async ({ app, id }: Counted, after: number): Promise<Response> =>
  app.request(`${APP_BASE}/jobs/${id}/events`, { headers: { ...AUTH, 'Last-Event-ID': String(after) } });

const settle = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 20));

describe('a stream of thousands of artifacts', () => {
  it('signs nothing for readers who don’t read, and one row for each event that is taken', async () => {
    const job = await makeLongJob();
    const readers = await Promise.all(Array.from({ length: 20 }, () => follow(job, job.before)));
    await settle();
    expect(job.signed()).toBe(0);
    for (const reader of readers) {
      const events = readEvents(reader);
      await events.next();
      await settle();
      expect(job.signed()).toBe(1 + readers.indexOf(reader));
    }
  });

  it('signs no row that its reader has already', async () => {
    const job = await makeLongJob();
    const events = readEvents(await follow(job, job.before + FILES - 3));
    const ids = [];
    for (let n = 0; n < 3; n += 1) ids.push((await events.next()).value?.id);
    expect(ids).toEqual([1, 2, 3].map((n) => job.before + FILES - 3 + n));
    expect(job.signed()).toBe(3);
    await events.return(undefined);
  });

  it('makes its last event while it’s taken', async () => {
    const job = await makeLongJob();
    const body = (await follow(job, job.before + FILES)).body?.getReader();
    let longest = 0;
    let chunks = 0;
    for (;;) {
      const before = job.signed();
      const { done, value } = (await body?.read()) ?? { done: true, value: undefined };
      expect(job.signed() - before).toBeLessThanOrEqual(3 * 64);
      if (done) break;
      chunks += 1;
      longest = Math.max(longest, value?.length ?? 0);
    }
    expect(chunks).toBeGreaterThan(FILES / 100);
    expect(longest).toBeLessThan(64 * 1024);
  });

  it.each([
    ['result', (manifest: Manifest) => manifest],
    [
      'error',
      ({ job: { end: _end, ...job }, ...manifest }: Manifest): Manifest => ({
        ...manifest,
        job: { ...job, error: { code: 'infra_error', message: 'Nobody knows.' } },
      }),
    ],
  ])('ends in one %s, which says the same as GET /jobs/:id', async (name, change) => {
    const job = await makeLongJob(change);
    const events = readEvents(await follow(job, job.before + FILES));
    const last = (await events.next()).value;
    expect(last?.event).toBe(name);
    expect((await events.next()).done).toBe(true);
    const response = await job.app.request(`${APP_BASE}/jobs/${job.id}`, { headers: AUTH });
    const told = (await response.json()) as Record<string, unknown>;
    const data = name === 'error' ? (last?.data.error as Record<string, unknown>) : last?.data;
    const unsigned = (value: unknown): string => JSON.stringify(value).replace(/\?exp=[^"]+/g, '');
    for (const field of ['id', 'sessionId', 'limits', 'artifacts', 'files', 'skipped'])
      expect(unsigned(data?.[field]), field).toBe(unsigned(told[field]));
  });

  it('and its record sign no more at once than the loop has room for', async () => {
    const job = await makeLongJob();
    await (await job.app.request(`${APP_BASE}/jobs/${job.id}`, { headers: AUTH })).arrayBuffer();
    expect(job.signed()).toBe(FILES);
    expect(job.mostAtOnce()).toBeLessThanOrEqual(64);
  });
});

describe('an answer in pieces', () => {
  const urls = { baseUrl: APP_BASE, signer: undefined };
  const join = async (manifest: Manifest): Promise<unknown> => {
    let text = '';
    for await (const piece of toAnswerJson(manifest, urls)) text += piece;
    return JSON.parse(text);
  };

  it('is the answer, whatever there is in it', async () => {
    const { id } = (await (await app.run([{ exit: 3 }], { headers: AUTH })).json()) as { id: string };
    const manifest = await readManifest(app.deps.store, { sessionId: 's', jobId: id });
    if (manifest === undefined) throw new Error('the job has no manifest');
    const odd = { ...toRow(1), name: 'a "quoted"\n\u2028 name/__proto__', omittedBytes: 3, truncated: true };
    const { end: _end, timings: _timings, ...unended } = manifest.job;
    const manifests: readonly Manifest[] = [
      manifest,
      { ...manifest, files: [] },
      { ...manifest, files: [odd, { ...odd, name: '__proto__', kind: 'input' }] },
      { ...manifest, files: Array.from({ length: 129 }, (_, n) => toRow(n)), truncated: true },
      { ...manifest, job: { ...unended, outputComplete: false } },
      { ...manifest, skipped: [{ name: 'pipe', reason: 'not_a_file' as never }] },
    ];
    for (const each of manifests)
      expect(await join(each)).toEqual(JSON.parse(JSON.stringify(await toJobAnswer(each, urls))));
  });
});
