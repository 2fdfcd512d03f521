import { describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import { useApp } from '../support/app-fixture.ts';
import { leaveInterrupted } from '../support/leave-interrupted.ts';

interface Job {
  readonly id: string;
  readonly status: string;
  readonly [field: string]: unknown;
}

const app = useApp({ maxQueued: 8 });

const getJob = async (id: string): Promise<Job> => (await (await app.request(`/jobs/${id}`)).json()) as Job;

async function interrupt(headers: Record<string, string> = {}): Promise<Job> {
  const job = (await (await app.run([{ stdout: 'half' }], { headers })).json()) as Job;
  leaveInterrupted(app.storageRoot, job.id);
  return job;
}

const idsOf = (text: string): number[] => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));

describe('a job whose process ended before it did', () => {
  it('is told as it was last known until it is closed, and as closed from then on', async () => {
    const { id } = await interrupt();
    const before = await getJob(id);
    expect(before).toMatchObject({ status: 'running', files: [] });
    for (const field of ['outcome', 'endedAt', 'error']) expect(before).not.toHaveProperty(field);
    const list = await (await app.request('/jobs')).json();
    expect(list).toEqual({ jobs: [expect.objectContaining({ id, status: 'running' })] });
    await app.close();
    const after = await getJob(id);
    expect(after).toMatchObject({ status: 'stopped', error: { code: 'infra_error' }, outputComplete: false });
    expect(await (await app.request('/jobs')).json()).toEqual({
      jobs: [expect.objectContaining({ id, status: 'stopped' })],
    });
  });

  it('is followed until it is closed: one end, the same for whoever comes later', async () => {
    const { id } = await interrupt();
    const response = await app.request(`/jobs/${id}/events`);
    const reading = response.text();
    const early = await Promise.race([reading, new Promise((resolve) => setTimeout(resolve, 700, 'waits'))]);
    expect(early).toBe('waits');
    await app.close();
    const text = await reading;
    expect(text.match(/^event: (result|error)$/gm)).toEqual(['event: error']);
    expect(idsOf(text)).toEqual(idsOf(text).map((_, index) => index + 1));
    const later = await (await app.request(`/jobs/${id}/events`)).text();
    expect(later.replace(/"requestId":"[^"]+"/, '')).toBe(text.replace(/"requestId":"[^"]+"/, ''));
  });

  it('can’t be cancelled: whoever tries is told why, and when to come again', async () => {
    const { id } = await interrupt();
    const response = await app.request(`/jobs/${id}`, { method: 'DELETE' });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('5');
    expect(await response.json()).toMatchObject({ error: { code: 'engine_unavailable' } });
    await app.close();
    expect((await app.request(`/jobs/${id}`, { method: 'DELETE' })).status).toBe(409);
  });

  it('keeps its Idempotency-Key: nothing runs a second time', async () => {
    const headers = { 'Idempotency-Key': 'k' };
    const { id } = await interrupt(headers);
    const again = await app.run([{ stdout: 'half' }], { headers });
    expect(again.status).toBe(409);
    expect(again.headers.get('location')).toBe(`/jobs/${id}`);
    expect(await again.json()).toMatchObject({ error: { code: 'in_progress' } });
    await app.close();
    const closed = await app.run([{ stdout: 'half' }], { headers });
    expect(await closed.json()).toMatchObject({ error: { code: 'infra_error', id } });
  });
});

describe('a job whose files could not be kept', () => {
  it('tells its client at once, and is closed by this very process', async () => {
    const put = vi.spyOn(app.deps.store, 'putObject').mockRejectedValueOnce(new Error('EIO'));
    const failed = await app.run([{ stdout: 'out' }], { headers: { Prefer: 'respond-async' } });
    const { id } = (await failed.json()) as Job;
    await vi.waitFor(() => expect(app.supervisor.find(id)).toBeUndefined());
    expect(put).toHaveBeenCalledTimes(1);
    expect((await getJob(id)).status).not.toBe('stopped');
    const reading = (await app.request(`/jobs/${id}/events`)).text();
    await app.close();
    expect(await getJob(id)).toMatchObject({ status: 'stopped', error: { code: 'infra_error' } });
    const text = await reading;
    expect(text.match(/^event: (result|error)$/gm)).toEqual(['event: error']);
    expect(text).toContain('event: artifact');
  });

  it('is tried again for as long as that fails, and its failure is logged once', async () => {
    const told: string[] = [];
    await app.open({ logger: { ...silentLogger, error: (_, message) => told.push(message) } });
    await app.close();
    const put = vi.spyOn(app.deps.store, 'putObject').mockRejectedValue(new Error('EIO'));
    const response = await app.run([{ stdout: 'out' }]);
    const { error } = (await response.json()) as { error: { code: string; id: string } };
    expect(error.code).toBe('infra_error');
    await app.close();
    await app.close();
    expect(told).toEqual(['an interrupted job could not be brought to its end']);
    expect((await getJob(error.id)).status).not.toBe('stopped');
    put.mockRestore();
    await app.close();
    expect(await getJob(error.id)).toMatchObject({ status: 'stopped', error: { code: 'infra_error' } });
  });
});
