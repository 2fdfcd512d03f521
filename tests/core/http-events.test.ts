import { describe, expect, it, vi } from 'vitest';
import { RuntimeError } from '../../src/core/container-runtime.ts';
import { useApp } from '../support/app-fixture.ts';
import { allEvents, bytesOf, type ReceivedEvent, readEvents } from '../support/event-stream.ts';

const STREAM = { Accept: 'text/event-stream' };

const app = useApp({ maxQueued: 4, queueTimeoutMs: 60_000, resumeGraceMs: 150 });

const names = (events: readonly ReceivedEvent[]): string[] => events.map(({ event }) => event);
const idOf = (events: readonly ReceivedEvent[]): string => String(events[0]?.data.id);
const follow = (id: string, after?: number): Promise<Response> =>
  app.request(
    `/jobs/${id}/events`,
    after === undefined ? {} : { headers: { 'Last-Event-ID': String(after) } },
  );

describe('a job as a stream', () => {
  it('tells everything in order, each with an id, and ends with the answer', async () => {
    const steps = [
      { stdout: 'a' },
      { sleep: 30 },
      { stderr: 'b' },
      { sleep: 30 },
      { stdout: 'c' },
      { exit: 2 },
    ];
    const response = await app.run(steps, { headers: STREAM });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const events = await allEvents(response);
    expect(names(events)).toEqual([
      ...['queued', 'started', 'stdout', 'stderr', 'stdout'],
      ...['artifact', 'artifact', 'artifact', 'result'],
    ]);
    expect(events.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const answer = events.at(-1)?.data;
    expect(events[0]?.data).toEqual({ id: answer?.id, position: 0 });
    expect(events[1]?.data).toEqual({ id: answer?.id });
    expect(answer).toMatchObject({ outcome: 'exited', exitCode: 2 });
    expect(events.filter(({ event }) => event === 'artifact').map(({ data }) => data)).toEqual(answer?.files);
  });

  it('is the same whoever reads it when: while it runs, from anywhere on, after the end, after a restart', async () => {
    const steps = Array.from({ length: 8 }, (_, n) => [{ stdout: `line ${n}\n` }, { sleep: 25 }]).flat();
    const response = await app.run(steps, { headers: STREAM });
    const reading = readEvents(response);
    const first = (await reading.next()).value as ReceivedEvent;
    const id = String(first.data.id);
    const others = [0, 1, 3].map(async (after) => allEvents(await follow(id, after)));
    const events: ReceivedEvent[] = [first];
    for await (const event of reading) events.push(event);
    const seen = await Promise.all(others);
    expect(seen[0]).toEqual(events);
    expect(seen[1]).toEqual(events.slice(1));
    expect(seen[2]).toEqual(events.slice(3));
    expect(bytesOf(events, 'stdout').toString()).toBe(
      Array.from({ length: 8 }, (_, n) => `line ${n}\n`).join(''),
    );
    for (let after = 0; after < events.length; after += 1) {
      expect(await allEvents(await follow(id, after))).toEqual(events.slice(after));
    }
    await app.restart();
    expect(await allEvents(await follow(id))).toEqual(events);
  });

  it('a reader who has everything is told to stay away', async () => {
    const events = await allEvents(await app.run([{ stdout: 'x' }], { headers: STREAM }));
    for (const after of [events.length, events.length + 10]) {
      const response = await follow(idOf(events), after);
      expect(response.status).toBe(204);
    }
  });

  it('a reader who claims to have more than there will ever be is told the end all the same', async () => {
    const response = await app.run([{ sleep: 200 }], { headers: { Prefer: 'respond-async' } });
    const { id } = (await response.json()) as { id: string };
    expect(names(await allEvents(await follow(id, 99_999)))).toEqual(['result']);
  });

  it.each(['x', '-1', '1.5', '9'.repeat(16)])('Last-Event-ID: %s is refused', async (header) => {
    const events = await allEvents(await app.run([], { headers: STREAM }));
    const response = await app.request(`/jobs/${idOf(events)}/events`, {
      headers: { 'Last-Event-ID': header },
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_request' } });
  });

  it('HEAD tells what a reader would get, and doesn’t count as one', async () => {
    const events = await allEvents(await app.run([], { headers: STREAM }));
    const response = await app.request(`/jobs/${idOf(events)}/events`, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(await response.text()).toBe('');
  });

  it('HEAD of a running job has no body, doesn’t wait for its end, and keeps no job alive', async () => {
    const response = await app.run([{ hang: true }], { headers: STREAM });
    const reading = readEvents(response);
    const id = String((await reading.next()).value?.data.id);
    await reading.return(undefined);
    const head = await app.request(`/jobs/${id}/events`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(head.body).toBeNull();
    expect(app.supervisor.find(id)?.record.status).not.toBe('stopped');
    // A reader would have stopped the clock.
    await vi.waitFor(() => expect(app.supervisor.find(id)).toBeUndefined(), { timeout: 3000 });
    expect(await (await app.request(`/jobs/${id}`)).json()).toMatchObject({ outcome: 'canceled' });
  });

  it('tells the place in the queue', async () => {
    await app.open({ maxRunning: 1, resumeGraceMs: 60_000 });
    const first = await app.run([{ sleep: 100 }], { headers: STREAM });
    const others = [await app.run([], { headers: STREAM }), await app.run([], { headers: STREAM })];
    const streams = await Promise.all([first, ...others].map((response) => allEvents(response)));
    expect(streams.map(([queued]) => queued?.data.position)).toEqual([0, 1, 2]);
    for (const events of streams) expect(names(events).at(-1)).toBe('result');
  });

  it('what is refused before there is a job is a plain error', async () => {
    const response = await app.run([], { headers: STREAM, fields: { language: 'cobol' } });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_request' } });
  });

  it('a job that cannot run ends in one error event, the same as its plain answer, also when it is read again', async () => {
    app.fake.failNext('create', new RuntimeError('unavailable', 'socket at /var/run/x'));
    const events = await allEvents(await app.run([], { headers: STREAM }));
    expect(names(events)).toEqual(['queued', 'error']);
    const [, last] = events;
    const error = last?.data.error as Record<string, unknown>;
    expect(error).toMatchObject({ code: 'engine_unavailable', requestId: expect.any(String) });
    expect(JSON.stringify(events)).not.toContain('/var/run');
    const again = await allEvents(await follow(idOf(events)));
    expect(names(again)).toEqual(['queued', 'error']);
    expect(again[1]?.data).toMatchObject({ error: { code: error.code, message: error.message } });
  });

  it('a run whose end cannot be found out ends in an error event with its output', async () => {
    const response = await app.run([{ stdout: 'before' }, { hang: true }], { headers: STREAM });
    const reading = readEvents(response);
    const events: ReceivedEvent[] = [];
    for await (const event of reading) {
      events.push(event);
      if (event.event === 'stdout') app.fake.goAway();
    }
    app.fake.comeBack();
    expect(names(events).slice(0, 3)).toEqual(['queued', 'started', 'stdout']);
    expect(events.at(-1)).toMatchObject({
      event: 'error',
      data: { error: { code: 'infra_error', files: expect.any(Array), id: idOf(events) } },
    });
    for (const { id } of await app.fake.list({ labels: {} })) await app.fake.remove(id);
  });

  it('output beyond the cap: head, a mark with the count, tail', async () => {
    const response = await app.run([{ stdout: 'x', times: 1000 }], {
      headers: STREAM,
      fields: { limits: { outputBytes: 400 } },
    });
    const events = await allEvents(response);
    const mark = events.findIndex(({ event }) => event === 'truncated');
    expect(events[mark]?.data).toEqual({ stream: 'stdout', omittedBytes: 600 });
    expect(bytesOf(events.slice(0, mark), 'stdout')).toHaveLength(300);
    expect(bytesOf(events.slice(mark), 'stdout')).toHaveLength(100);
  });

  it('respond-async beside it lets the job run on without a reader', async () => {
    const response = await app.run([{ sleep: 400 }], { headers: { ...STREAM, Prefer: 'respond-async' } });
    const reading = readEvents(response);
    const { value } = await reading.next();
    await reading.return(undefined);
    const id = String((value as ReceivedEvent).data.id);
    const events = await allEvents(await follow(id));
    expect(events.at(-1)).toMatchObject({ event: 'result', data: { outcome: 'exited' } });
  });
});

describe('a stream whose reader goes away', () => {
  const startAndLeave = async (steps: Parameters<typeof app.run>[0]): Promise<string> => {
    const reading = readEvents(await app.run(steps, { headers: STREAM }));
    const { value } = await reading.next();
    await reading.return(undefined);
    return String((value as ReceivedEvent).data.id);
  };
  const record = async (id: string) =>
    (await (await app.request(`/jobs/${id}`)).json()) as Record<string, unknown>;

  it('its job waits for the grace, then it is cancelled', async () => {
    const id = await startAndLeave([{ hang: true }]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await record(id)).toMatchObject({ status: 'running' });
    await vi.waitFor(async () => expect(await record(id)).toMatchObject({ outcome: 'canceled' }), {
      timeout: 3000,
    });
  });

  it('goes on when somebody reads on in time, as often as it takes', async () => {
    const id = await startAndLeave([{ sleep: 600 }, { stdout: 'whole' }]);
    for (let n = 0; n < 4; n += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const reading = readEvents(await follow(id));
      await reading.next();
      await reading.return(undefined);
    }
    const events = await allEvents(await follow(id));
    expect(bytesOf(events, 'stdout').toString()).toBe('whole');
    expect(events.at(-1)).toMatchObject({ data: { outcome: 'exited' } });
  });
});
