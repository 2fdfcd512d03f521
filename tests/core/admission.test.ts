import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAdmission } from '../../src/core/admission.ts';

const QUEUE_TIMEOUT_MS = 1000;
const never = (): AbortSignal => new AbortController().signal;

function open(maxRunning: number, maxQueued: number) {
  return createAdmission({ maxRunning, maxQueued, queueTimeoutMs: QUEUE_TIMEOUT_MS });
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('admission', () => {
  it('lets as many run as it may, and the next waits until one has ended', async () => {
    const admission = open(2, 5);
    const first = await admission.acquire(never());
    await admission.acquire(never());
    let admitted = false;
    const third = admission.acquire(never()).then(() => {
      admitted = true;
    });
    await vi.advanceTimersByTimeAsync(1);
    expect(admitted).toBe(false);
    expect(admission.stats()).toEqual({ running: 2, queued: 1 });
    first();
    await third;
    expect(admission.stats()).toEqual({ running: 2, queued: 0 });
  });

  it('serves who waits in the order in which they came', async () => {
    const admission = open(1, 10);
    const order: number[] = [];
    const release = await admission.acquire(never());
    const waiting = [1, 2, 3, 4].map(async (number) => {
      const done = await admission.acquire(never());
      order.push(number);
      done();
    });
    release();
    await Promise.all(waiting);
    expect(order).toEqual([1, 2, 3, 4]);
  });

  it('nobody overtakes a queue: who comes as a turn falls free is behind those who wait', async () => {
    const admission = open(1, 10);
    const order: string[] = [];
    const release = await admission.acquire(never());
    const waiter = admission.acquire(never()).then((done) => {
      order.push('waiter');
      done();
    });
    release();
    const late = admission.acquire(never()).then((done) => {
      order.push('late');
      done();
    });
    await Promise.all([waiter, late]);
    expect(order).toEqual(['waiter', 'late']);
  });

  it('a turn is given back once, however often it is given back', async () => {
    const admission = open(1, 10);
    const release = await admission.acquire(never());
    release();
    release();
    await admission.acquire(never());
    expect(admission.stats()).toEqual({ running: 1, queued: 0 });
  });

  it('refuses with overloaded when the queue is full', async () => {
    const admission = open(1, 1);
    await admission.acquire(never());
    admission.acquire(never()).catch(() => {});
    await expect(admission.acquire(never())).rejects.toMatchObject({ code: 'overloaded', retryAfter: 1 });
    expect(admission.stats()).toEqual({ running: 1, queued: 1 });
  });

  it('a queue of no places refuses at once', async () => {
    const admission = open(1, 0);
    await admission.acquire(never());
    await expect(admission.acquire(never())).rejects.toMatchObject({ code: 'overloaded' });
  });

  it('refuses with queue_timeout when the turn does not come', async () => {
    const admission = open(1, 5);
    const release = await admission.acquire(never());
    const waiting = admission.acquire(never());
    const refused = expect(waiting).rejects.toMatchObject({ code: 'queue_timeout' });
    await vi.advanceTimersByTimeAsync(QUEUE_TIMEOUT_MS);
    await refused;
    expect(admission.stats()).toEqual({ running: 1, queued: 0 });
    release();
    expect(admission.stats().running).toBe(0);
  });

  it('a client that leaves gives its place in the queue free', async () => {
    const admission = open(1, 1);
    const release = await admission.acquire(never());
    const client = new AbortController();
    const waiting = admission.acquire(client.signal);
    client.abort();
    await expect(waiting).rejects.toThrow();
    expect(admission.stats()).toEqual({ running: 1, queued: 0 });
    release();
    expect(admission.stats().running).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('a client that has left before costs nothing', async () => {
    const admission = open(1, 1);
    await expect(admission.acquire(AbortSignal.abort())).rejects.toThrow();
    expect(admission.stats()).toEqual({ running: 0, queued: 0 });
  });

  it('close refuses who waits and who comes, and leaves the running alone', async () => {
    const admission = open(1, 5);
    const release = await admission.acquire(never());
    const waiting = expect(admission.acquire(never())).rejects.toMatchObject({ code: 'shutting_down' });
    admission.close();
    await waiting;
    await expect(admission.acquire(never())).rejects.toMatchObject({ code: 'shutting_down' });
    expect(admission.stats()).toEqual({ running: 1, queued: 0 });
    release();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('200 callers at once, four turns, fifty places: never a fifth runs and everyone gets an answer', async () => {
    const admission = open(4, 50);
    let most = 0;
    const outcomes = await settleAll(200, async (number) => {
      const release = await admission.acquire(never());
      most = Math.max(most, admission.stats().running);
      await new Promise((resolve) => setTimeout(resolve, (number * 7) % 20));
      release();
    });
    expect(most).toBe(4);
    expect(outcomes.filter((outcome) => outcome === 'ran')).toHaveLength(54);
    expect(outcomes.filter((outcome) => outcome === 'overloaded')).toHaveLength(146);
    expect(admission.stats()).toEqual({ running: 0, queued: 0 });
    expect(vi.getTimerCount()).toBe(0);
  });
});

async function settleAll(count: number, job: (number: number) => Promise<void>): Promise<string[]> {
  const all = Array.from({ length: count }, (_, number) =>
    job(number).then(
      () => 'ran',
      (error: { code: string }) => error.code,
    ),
  );
  await vi.runAllTimersAsync();
  return Promise.all(all);
}
