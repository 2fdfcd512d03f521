import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { containersOf, waitForContainers } from '../../support/engine.ts';
import { tenth } from '../../support/rounds.ts';
import { expectError, newSession, post, type SubjectGetter, toAnswer } from './subject.ts';

/** What is promised of a cancelled run, and what this asserts of it. */
const DEAD_WITHIN_MS = 2 * 2000;

interface Job {
  readonly id: string;
  readonly status: string;
  readonly outcome?: string;
}

export function describeJobs(subject: SubjectGetter): void {
  const start = async (code: string, fields: Record<string, unknown> = {}): Promise<Job> => {
    const body = { tool: 'code_execution', sessionId: newSession(), language: 'bash', code, ...fields };
    const response = await post(subject(), '/tools/execute', body, { headers: { Prefer: 'respond-async' } });
    expect(response.status).toBe(202);
    const job = (await response.json()) as Job;
    expect(response.headers.get('location')).toBe(`/jobs/${job.id}`);
    return job;
  };
  const get = async (id: string): Promise<Job> => {
    const response = await subject().fetch(`/jobs/${id}`);
    expect(response.status).toBe(200);
    return (await response.json()) as Job;
  };
  const cancel = (id: string): Promise<Response> => subject().fetch(`/jobs/${id}`, { method: 'DELETE' });
  const settled = async (id: string, withinMs = 20_000): Promise<Job> => {
    const end = performance.now() + withinMs;
    for (;;) {
      const job = await get(id);
      if (job.status === 'stopped') return job;
      if (performance.now() > end) throw new Error(`the job is ${job.status} after ${withinMs} ms`);
      await sleep(25);
    }
  };

  describe('jobs', () => {
    it('respond-async: 202 at once, and the job tells its answer when it has ended', async () => {
      const { id } = await start('sleep 0.3; echo out; echo kept > f.txt; exit 3');
      const { status, createdAt, startedAt, endedAt, ...answer } = { ...(await settled(id)) } as Record<
        string,
        unknown
      >;
      expect(toAnswer(answer)).toMatchObject({ id, exitCode: 3, outcome: 'exited' });
      expect(status).toBe('stopped');
      const times = [createdAt, startedAt, endedAt].map((time) => Date.parse(String(time)));
      expect([...times].sort()).toEqual(times);
    });

    it('are listed by session and by what they do', async () => {
      const sessionId = newSession();
      const running = await start('sleep 30', { sessionId });
      const done = await start('true', { sessionId });
      await settled(done.id);
      const list = async (query: string) => {
        const response = await subject().fetch(`/jobs?${query}`);
        return ((await response.json()) as { jobs: Job[] }).jobs.map(({ id }) => id);
      };
      expect(await list(`sessionId=${sessionId}`)).toEqual([done.id, running.id]);
      expect(await list(`sessionId=${sessionId}&status=running`)).toEqual([running.id]);
      expect(await list(`sessionId=${sessionId}&status=stopped&limit=1`)).toEqual([done.id]);
      expect((await cancel(running.id)).status).toBe(200);
    });

    it('a cancelled one is dead and removed within two seconds, its output kept', async () => {
      const { id } = await start('trap "" TERM; echo partial; while :; do sleep 0.1; done');
      await waitForContainers(subject().instanceId, 1, 10_000);
      await sleep(300);
      const begun = performance.now();
      const response = await cancel(id);
      expect(response.status).toBe(200);
      expect(await containersOf(subject().instanceId)).toEqual([]);
      expect(performance.now() - begun).toBeLessThan(DEAD_WITHIN_MS);
      const job = (await response.json()) as Job & { artifacts: { outputs: Record<string, string> } };
      expect(job).toMatchObject({ id, status: 'stopped', outcome: 'canceled' });
      const stdout = await subject().fetch(job.artifacts.outputs.stdout ?? '');
      expect(await stdout.text()).toBe('partial\n');
      await expectError(await cancel(id), 409, 'already_finished');
    });

    it('a time-out is over within two seconds of its limit', async () => {
      const begun = performance.now();
      const { id } = await start('trap "" TERM; while :; do sleep 0.1; done', { timeoutMs: 500 });
      expect(await settled(id)).toMatchObject({ outcome: 'timed_out' });
      await waitForContainers(subject().instanceId, 0, 100);
      expect(performance.now() - begun).toBeLessThan(500 + DEAD_WITHIN_MS);
    });

    it('cancelled at the moment of their end: one end each, and 200 or 409 says which', {
      timeout: 600_000,
    }, async () => {
      const rounds = tenth(500);
      const seen: Record<string, number> = {};
      // Longer when it came too early, shorter when it came too late: so it stays where the two meet, however fast the engine is.
      let delay = 300;
      const one = async (n: number): Promise<void> => {
        const { id } = await start('true');
        await sleep(delay + (n % 4) * 10);
        const response = await cancel(id);
        delay *= response.status === 200 ? 1.2 : 0.85;
        const answer = (await response.json()) as Job;
        const { outcome } = await settled(id);
        expect([200, 409]).toContain(response.status);
        if (response.status === 200) expect(answer.outcome).toBe(outcome);
        else expect(outcome).toBe('exited');
        const key = `${response.status} ${outcome}`;
        seen[key] = (seen[key] ?? 0) + 1;
      };
      for (let n = 0; n < rounds; n += 4) await Promise.all([0, 1, 2, 3].map((k) => one(n + k)));
      expect(Object.keys(seen)).toEqual(expect.arrayContaining(['200 canceled', '409 exited']));
      expect(await containersOf(subject().instanceId)).toEqual([]);
    });

    it('the same Idempotency-Key runs once; another request with it is refused', async () => {
      const sessionId = newSession();
      const headers = { 'Idempotency-Key': sessionId };
      const body = { tool: 'code_execution', sessionId, language: 'bash', code: 'sleep 0.5; date +%N' };
      const first = post(subject(), '/tools/execute', body, { headers });
      await sleep(250);
      await expectError(await post(subject(), '/tools/execute', body, { headers }), 409, 'in_progress');
      const answer = toAnswer(await (await first).json());
      const again = await post(subject(), '/tools/execute', body, { headers });
      expect(toAnswer(await again.json())).toEqual(answer);
      const other = await post(subject(), '/tools/execute', { ...body, code: 'true' }, { headers });
      await expectError(other, 422, 'idempotency_mismatch');
    });

    it.each(['GET', 'DELETE'])('%s of a job that there isn’t: 404', async (method) => {
      await expectError(await subject().fetch('/jobs/nothing', { method }), 404, 'not_found');
    });

    it.each([
      ['POST', '/jobs', 'GET, HEAD'],
      ['PUT', '/jobs/x', 'GET, HEAD, DELETE'],
      ['DELETE', '/jobs/x/events', 'GET, HEAD'],
    ])('%s %s: 405', async (method, path, allow) => {
      const response = await subject().fetch(path, { method });
      expect(response.headers.get('allow')).toBe(allow);
      await expectError(response, 405, 'method_not_allowed');
    });
  });
}
