import { describe, expect, it, vi } from 'vitest';
import { StoreError } from '../../src/core/artifact-store.ts';
import { RuntimeError } from '../../src/core/container-runtime.ts';
import { languageOf, type Metrics } from '../../src/core/metrics.ts';
import { WorkspaceError } from '../../src/core/workspace.ts';
import { withCounts } from '../../src/metrics/count-failures.ts';
import { createMetrics } from '../../src/metrics/index.ts';
import { useApp } from '../support/app-fixture.ts';

const app = useApp();

/** One sample's value, by its name and labels as the text writes them. */
function sampleOf(text: string, sample: string): number | undefined {
  const line = text.split('\n').find((each) => each.startsWith(`${sample} `));
  return line === undefined ? undefined : Number(line.slice(sample.length + 1));
}

async function scrape(headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const response = await app.request('/metrics', { headers });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return response.text();
}

describe('GET /metrics', () => {
  it('counts jobs by tool, language and outcome, and how long each phase took', async () => {
    await app.open({ metrics: createMetrics() });
    await app.run([{ stdout: 'x' }]);
    await app.run([{ exit: 3 }], { fields: { language: 'python' } });
    await app.run([{ hang: true }], { fields: { timeoutMs: 10 } });
    const text = await scrape();
    const jobs = (language: string, outcome: string): number | undefined =>
      sampleOf(text, `aa_jobs_total{tool="code_execution",language="${language}",outcome="${outcome}"}`);
    expect(jobs('bash', 'exited')).toBe(1);
    expect(jobs('python', 'exited')).toBe(1);
    expect(jobs('bash', 'timed_out')).toBe(1);
    for (const phase of ['queue', 'create', 'start', 'run', 'collect']) {
      expect(sampleOf(text, `aa_job_phase_seconds_count{phase="${phase}"}`), phase).toBe(3);
    }
    expect(sampleOf(text, 'aa_job_phase_seconds_sum{phase="run"}')).toBeGreaterThan(0.009);
  });

  it('tells who runs and who waits at that moment', async () => {
    await app.open({ metrics: createMetrics(), maxRunning: 1, maxQueued: 2, queueTimeoutMs: 10_000 });
    const gone = new AbortController();
    const answers = [1, 2].map(() => app.run([{ hang: true }], { signal: gone.signal }));
    await vi.waitFor(async () => {
      const text = await scrape();
      expect(sampleOf(text, 'aa_jobs_running')).toBe(1);
      expect(sampleOf(text, 'aa_jobs_queued')).toBe(1);
    });
    gone.abort();
    await Promise.allSettled(answers);
    const text = await scrape();
    expect([sampleOf(text, 'aa_jobs_running'), sampleOf(text, 'aa_jobs_queued')]).toEqual([0, 0]);
    // One was ended as it ran, the other left the queue.
    const canceled = 'aa_jobs_total{tool="code_execution",language="bash",outcome="canceled"}';
    expect(sampleOf(text, canceled)).toBe(2);
  });

  it('counts errors that were answered, and jobs that never ran, by their code', async () => {
    await app.open({ metrics: createMetrics() });
    await app.request('/nothing');
    await app.run([], { fields: { language: 'cobol' } });
    app.fake.failNext('create', new RuntimeError('image_not_found', 'x'));
    await app.run([]);
    const text = await scrape();
    expect(sampleOf(text, 'aa_errors_total{code="not_found"}')).toBe(1);
    expect(sampleOf(text, 'aa_errors_total{code="invalid_request"}')).toBe(1);
    const failed = 'aa_jobs_total{tool="code_execution",language="bash",outcome="image_unavailable"}';
    expect(sampleOf(text, failed)).toBe(1);
  });

  it('needs a key where there are keys, and names no session, job or caller', async () => {
    const key = 'a-key-of-24-characters-or-more';
    const headers = { Authorization: `Bearer ${key}` };
    await app.open({ metrics: createMetrics(), keys: [{ name: 'annabella', key }] });
    const answer = (await (await app.run([], { headers, fields: { sessionId: 'my-session' } })).json()) as {
      id: string;
    };
    expect((await app.request('/metrics')).status).toBe(401);
    expect(await scrape(headers)).not.toMatch(new RegExp(`annabella|my-session|${answer.id}|${key}`));
  });
});

describe('what is told to metrics', () => {
  it('a language is one of ours or none', () => {
    expect(languageOf({ language: 'bun' })).toBe('bun');
    expect(languageOf({ language: 'x'.repeat(99) })).toBe('none');
    expect(languageOf({})).toBe('none');
  });

  it('each failure of engine, store and job folders, which passes as it is', async () => {
    const told: string[] = [];
    const metrics: Metrics = {
      ...createMetrics(),
      engineFailed: (code) => told.push(`engine ${code}`),
      storeFailed: (code) => told.push(`store ${code}`),
    };
    const { store, workspaces } = app.storage;
    const error = new StoreError('no_space', 'full');
    const broken = {
      ...store,
      getObject: () => Promise.reject(error),
      headObject: () => Promise.reject(new TypeError('x')),
    };
    const counted = withCounts({ runtime: app.fake, store: broken, workspaces }, metrics);
    app.fake.failNext('inspect', new RuntimeError('conflict', 'x'));
    await expect(counted.runtime.inspect('x')).rejects.toMatchObject({ code: 'conflict' });
    await expect(counted.store.getObject('s/x')).rejects.toBe(error);
    await expect(counted.store.headObject('s/x')).rejects.toBeInstanceOf(TypeError);
    const job = { sessionId: 's', jobId: 'j' };
    const workspace = await counted.workspaces.create(job);
    await expect(counted.workspaces.create(job)).rejects.toBeInstanceOf(WorkspaceError);
    await workspace.remove();
    await expect(workspace.describe('stdout')).rejects.toThrow();
    expect(told).toEqual([
      'engine conflict',
      'store no_space',
      'store unknown',
      'store exists',
      expect.stringMatching(/^store /),
    ]);
    expect(counted.runtime.name).toBe('fake');
    expect(await counted.runtime.inspect('x')).toBeUndefined();
  });
});
