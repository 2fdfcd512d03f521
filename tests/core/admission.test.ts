import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Admission, createAdmission } from '../../src/core/admission.ts';

const QUEUE_TIMEOUT_MS = 1000;

function open(maxRunning: number, maxQueued: number, callers: readonly string[] = []) {
  return createAdmission({ maxRunning, maxQueued, queueTimeoutMs: QUEUE_TIMEOUT_MS, callers });
}

/** Enters and waits for the turn. */
async function acquire(admission: Admission, caller?: string): Promise<() => void> {
  const giveBack = await admission.enter(caller).turn;
  if (giveBack === undefined) throw new Error('the place was left');
  return giveBack;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('admission', () => {
  it('lets as many run as it may, and the next waits until one has ended', async () => {
    const admission = open(2, 5);
    const first = await acquire(admission);
    await acquire(admission);
    let admitted = false;
    const third = acquire(admission).then(() => {
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
    const release = await acquire(admission);
    const waiting = [1, 2, 3, 4].map(async (number) => {
      const done = await acquire(admission);
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
    const release = await acquire(admission);
    const waiter = acquire(admission).then((done) => {
      order.push('waiter');
      done();
    });
    release();
    const late = acquire(admission).then((done) => {
      order.push('late');
      done();
    });
    await Promise.all([waiter, late]);
    expect(order).toEqual(['waiter', 'late']);
  });

  it('a turn is given back once, however often it is given back', async () => {
    const admission = open(1, 10);
    const release = await acquire(admission);
    release();
    release();
    await acquire(admission);
    expect(admission.stats()).toEqual({ running: 1, queued: 0 });
  });

  it('refuses with overloaded when the queue is full', async () => {
    const admission = open(1, 1);
    await acquire(admission);
    acquire(admission).catch(() => {});
    await expect(acquire(admission)).rejects.toMatchObject({ code: 'overloaded', retryAfter: 2 });
    expect(admission.stats()).toEqual({ running: 1, queued: 1 });
  });

  it('a queue of no places refuses at once', async () => {
    const admission = open(1, 0);
    await acquire(admission);
    await expect(acquire(admission)).rejects.toMatchObject({ code: 'overloaded' });
  });

  it('refuses with queue_timeout when the turn does not come', async () => {
    const admission = open(1, 5);
    const release = await acquire(admission);
    const waiting = acquire(admission);
    const refused = expect(waiting).rejects.toMatchObject({ code: 'queue_timeout' });
    await vi.advanceTimersByTimeAsync(QUEUE_TIMEOUT_MS);
    await refused;
    expect(admission.stats()).toEqual({ running: 1, queued: 0 });
    release();
    expect(admission.stats().running).toBe(0);
  });

  it('one who leaves gives the place in the queue free', async () => {
    const admission = open(1, 1);
    const release = await acquire(admission);
    const ticket = admission.enter(undefined);
    ticket.leave();
    ticket.leave();
    expect(await ticket.turn).toBeUndefined();
    expect(admission.stats()).toEqual({ running: 1, queued: 0 });
    release();
    expect(admission.stats().running).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaving after the turn has come changes nothing', async () => {
    const admission = open(1, 1);
    const ticket = admission.enter(undefined);
    ticket.leave();
    const giveBack = await ticket.turn;
    giveBack?.();
    expect(admission.stats()).toEqual({ running: 0, queued: 0 });
  });

  it('says how long until a place may fall free, by how long runs took', async () => {
    const admission = open(1, 0);
    for (let n = 0; n < 30; n += 1) {
      const release = await acquire(admission);
      await vi.advanceTimersByTimeAsync(20_000);
      release();
    }
    await acquire(admission);
    await expect(acquire(admission)).rejects.toMatchObject({ code: 'overloaded', retryAfter: 20 });
  });

  it('says it by how long those that run have run already', async () => {
    const admission = open(2, 0);
    await acquire(admission);
    const second = await acquire(admission);
    const retryAfter = (): unknown => {
      try {
        return admission.enter(undefined).position;
      } catch (error) {
        return (error as { retryAfter: number }).retryAfter;
      }
    };
    expect(retryAfter()).toBe(1);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(retryAfter()).toBe(30);
    await vi.advanceTimersByTimeAsync(90_000);
    expect(retryAfter()).toBe(60);
    second();
    await acquire(admission);
    // The mean is 24.8 s now, the newest run has that before it, and the old one may go on for long.
    expect(retryAfter()).toBe(25);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(retryAfter()).toBe(5);
  });

  it('close refuses who waits and who comes, and leaves the running alone', async () => {
    const admission = open(1, 5);
    const release = await acquire(admission);
    const waiting = expect(acquire(admission)).rejects.toMatchObject({ code: 'shutting_down' });
    admission.close();
    await waiting;
    await expect(acquire(admission)).rejects.toMatchObject({ code: 'shutting_down' });
    expect(admission.stats()).toEqual({ running: 1, queued: 0 });
    release();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('200 callers at once, four turns, fifty places: never a fifth runs and everyone gets an answer', async () => {
    const admission = open(4, 50);
    let most = 0;
    const outcomes = await settleAll(200, async (number) => {
      const release = await acquire(admission);
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

describe('admission between callers', () => {
  const fill = (admission: Admission, caller: string, count: number, order: string[] = []): void => {
    for (let n = 0; n < count; n += 1) {
      admission.enter(caller).turn.then(
        (release) => {
          order.push(caller);
          setTimeout(() => release?.(), 100);
        },
        () => {},
      );
    }
  };

  it('a turn goes to whom the fewest jobs run of, however many another has waiting', async () => {
    const admission = open(2, 10, ['anna', 'bob']);
    const order: string[] = [];
    fill(admission, 'anna', 6, order);
    fill(admission, 'bob', 2, order);
    await vi.runAllTimersAsync();
    expect(order).toEqual(['anna', 'bob', 'anna', 'bob', 'anna', 'anna', 'anna', 'anna']);
  });

  it('keeps the last turn for a caller of whom none runs, so that one with long jobs keeps nobody out', () => {
    const admission = open(4, 10, ['anna', 'bob', 'carl']);
    const anna = [1, 2, 3, 4, 5].map(() => admission.enter('anna'));
    expect(anna.map(({ position }) => position)).toEqual([0, 0, 0, 1, 2]);
    expect(admission.stats()).toEqual({ running: 3, queued: 2 });
    expect(admission.enter('bob').position).toBe(0);
    expect(admission.stats()).toEqual({ running: 4, queued: 2 });
    // All run that may: whoever comes now waits for an end.
    expect(admission.enter('carl').position).toBe(1);
    admission.close();
  });

  it('the kept turn stays free while only callers wait who run, and is kept anew once a caller’s last job ends', async () => {
    const admission = open(2, 10, ['anna', 'bob']);
    const endAnna = await acquire(admission, 'anna');
    const order: string[] = [];
    fill(admission, 'anna', 2, order);
    const endBob = await acquire(admission, 'bob');
    endBob();
    await vi.advanceTimersByTimeAsync(1);
    expect([order, admission.stats()]).toEqual([[], { running: 1, queued: 2 }]);
    endAnna();
    await vi.advanceTimersByTimeAsync(1);
    expect([order, admission.stats()]).toEqual([['anna'], { running: 1, queued: 1 }]);
    expect(admission.enter('bob').position).toBe(0);
    admission.close();
  });

  it('a turn is kept for nobody when all run, when there is one caller, when they aren’t told apart, when there is one turn', () => {
    const both = open(4, 0, ['anna', 'bob']);
    for (const name of ['anna', 'bob', 'bob', 'anna']) expect(both.enter(name).position).toBe(0);
    const alone = open(2, 0, ['anna']);
    for (const name of ['anna', 'anna']) expect(alone.enter(name).position).toBe(0);
    const anybody = open(2, 0);
    for (const name of [undefined, undefined]) expect(anybody.enter(name).position).toBe(0);
    expect(open(1, 0, ['anna', 'bob']).enter('anna').position).toBe(0);
  });

  it('where nobody may wait, whoever may not take the kept turn is told that the jobs are theirs', () => {
    const admission = open(2, 0, ['anna', 'bob']);
    admission.enter('anna');
    expect(() => admission.enter('anna')).toThrow(expect.objectContaining({ code: 'rate_limited' }));
    expect(admission.enter('bob').position).toBe(0);
    expect(() => admission.enter('bob')).toThrow(expect.objectContaining({ code: 'overloaded' }));
  });

  it('tells each its place as the turns will come, not as they were asked for', () => {
    const admission = open(1, 10, ['anna', 'bob']);
    const places = ['anna', 'anna', 'anna', 'bob', 'bob', 'anna'].map(
      (name) => admission.enter(name).position,
    );
    expect(places).toEqual([0, 1, 2, 1, 3, 5]);
    admission.close();
  });

  it('the last places are kept for those who have none waiting: rate_limited is yours, overloaded is ours', () => {
    const admission = open(1, 8, ['anna', 'bob', 'carl']);
    fill(admission, 'anna', 7);
    expect(() => admission.enter('anna')).toThrow(
      expect.objectContaining({ code: 'rate_limited', status: 429 }),
    );
    fill(admission, 'bob', 1);
    expect(() => admission.enter('bob')).toThrow(expect.objectContaining({ code: 'rate_limited' }));
    fill(admission, 'carl', 1);
    expect(admission.stats()).toEqual({ running: 1, queued: 8 });
    expect(() => admission.enter('carl')).toThrow(
      expect.objectContaining({ code: 'overloaded', status: 503 }),
    );
    expect(() => admission.enter('anna')).toThrow(expect.objectContaining({ code: 'rate_limited' }));
    admission.close();
  });

  it.each([
    // How many places, how many callers, how many of them one caller may have in an empty queue, how many callers then still get one.
    [64, 1, 64, 0],
    [64, 2, 63, 1],
    [64, 64, 48, 16],
    [64, 100, 48, 16],
    [4, 100, 3, 1],
    [2, 100, 1, 1],
    [2, 2, 1, 1],
    [2, 1, 2, 0],
    [1, 100, 1, 0],
    [0, 100, 0, 0],
  ])(
    'of %i places and among %i callers one may have %i, and %i others one each',
    (places, count, own, others) => {
      const callers = Array.from({ length: count }, (_, n) => `caller-${n}`);
      const admission = open(1, places, callers);
      admission.enter('caller-0');
      const enters = (name: string | undefined): boolean => {
        try {
          admission.enter(name);
          return true;
        } catch {
          return false;
        }
      };
      let had = 0;
      while (enters('caller-0')) had += 1;
      expect(had).toBe(own);
      expect(callers.slice(1).filter(enters)).toHaveLength(others);
      expect(admission.stats().queued).toBe(places);
      admission.close();
    },
  );

  it('a caller alone may have the whole queue, and is told overloaded when it is full', () => {
    const admission = open(1, 3);
    for (let n = 0; n < 4; n += 1) admission.enter(undefined);
    expect(() => admission.enter(undefined)).toThrow(expect.objectContaining({ code: 'overloaded' }));
    admission.close();
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
