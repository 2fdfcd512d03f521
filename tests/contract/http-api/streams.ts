import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { waitForContainers } from '../../support/engine.ts';
import { allEvents, bytesOf, type ReceivedEvent, readEvents } from '../../support/event-stream.ts';
import { LONG } from '../../support/rounds.ts';
import { execute, newSession, post, type SubjectGetter, toAnswer } from './subject.ts';

/** As `EXAM_SETTINGS` says. */
const GRACE_MS = 1500;
const STREAM = { Accept: 'text/event-stream' };

export function describeStreams(subject: SubjectGetter): void {
  const stream = (fields: Record<string, unknown>, headers = {}): Promise<Response> => {
    const body = { tool: 'code_execution', sessionId: newSession(), language: 'bash', ...fields };
    return post(subject(), '/tools/execute', body, { headers: { ...STREAM, ...headers } });
  };
  const follow = (id: string, after = 0, signal?: AbortSignal): Promise<Response> =>
    subject().fetch(`/jobs/${id}/events`, {
      headers: after === 0 ? {} : { 'Last-Event-ID': String(after) },
      ...(signal === undefined ? {} : { signal }),
    });

  describe('a run as a stream of events', () => {
    it('tells what happens in order, output as it is written, and the answer last', async () => {
      const begun = performance.now();
      const code = 'echo one; sleep 0.5; echo two >&2; sleep 0.5; echo three; echo kept > file.txt; exit 4';
      const events: (ReceivedEvent & { readonly at: number })[] = [];
      for await (const event of readEvents(await stream({ code }))) {
        events.push({ ...event, at: performance.now() - begun });
      }
      expect(events.map(({ event }) => event)).toEqual([
        ...['queued', 'started', 'stdout', 'stderr', 'stdout'],
        ...['artifact', 'artifact', 'artifact', 'artifact', 'result'],
      ]);
      expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => index + 1));
      const [, , one, two, three] = events;
      expect((two?.at ?? 0) - (one?.at ?? 0)).toBeGreaterThan(300);
      expect((three?.at ?? 0) - (two?.at ?? 0)).toBeGreaterThan(300);
      const answer = toAnswer(events.at(-1)?.data);
      expect(answer).toMatchObject({ outcome: 'exited', exitCode: 4 });
      expect(events.filter(({ event }) => event === 'artifact').map(({ data }) => data)).toEqual(
        answer.files,
      );
      expect(await allEvents(await follow(answer.id))).toEqual(events.map(({ at: _at, ...event }) => event));
    });

    it('carries bytes whole: split characters, what is no UTF-8, both streams', async () => {
      const code = `printf '\\303'; sleep 0.2; printf '\\251'; sleep 0.2; printf '\\377\\000'; echo ok >&2`;
      const events = await allEvents(await stream({ code }));
      const output = events.filter(({ event }) => event === 'stdout').map(({ data }) => data);
      expect(output).toEqual([{ text: 'é' }, { base64: '/wA=' }]);
      expect(bytesOf(events, 'stderr').toString()).toBe('ok\n');
    });

    it('cut ten times and read on each time, it is whole and in order', async () => {
      const lines = LONG ? 3000 : 300;
      const code = `for i in $(seq ${lines}); do echo "line $i ä"; sleep 0.01; done`;
      const events: ReceivedEvent[] = [];
      let response = await stream({ code, timeoutMs: 60_000 });
      for (let cut = 0; ; cut += 1) {
        const client = new AbortController();
        if (cut > 0) response = await follow(idOf(events), events.length, client.signal);
        const until = cut < 10 ? events.length + 3 + cut : Number.POSITIVE_INFINITY;
        for await (const event of readEvents(response)) {
          events.push(event);
          if (events.length >= until) break;
        }
        client.abort();
        if (events.at(-1)?.event === 'result') break;
      }
      expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => index + 1));
      const expected = Array.from({ length: lines }, (_, n) => `line ${n + 1} ä\n`).join('');
      expect(bytesOf(events, 'stdout').toString()).toBe(expected);
      expect(events.filter(({ event }) => event === 'result' || event === 'error')).toHaveLength(1);
    });

    it('whose client goes away is waited for, then cancelled', async () => {
      const client = new AbortController();
      const body = { tool: 'code_execution', sessionId: newSession(), language: 'bash', code: 'sleep 50' };
      const init = { headers: STREAM, signal: client.signal };
      const reading = readEvents(await post(subject(), '/tools/execute', body, init));
      const { value: first } = await reading.next();
      await waitForContainers(subject().instanceId, 1, 10_000);
      client.abort();
      await sleep(GRACE_MS / 2);
      await waitForContainers(subject().instanceId, 1, 1);
      await waitForContainers(subject().instanceId, 0, GRACE_MS + 2500);
      const events = await allEvents(await follow(idOf([first as ReceivedEvent])));
      expect(events.at(-1)).toMatchObject({ event: 'result', data: { outcome: 'canceled' } });
    });

    it('a flood is told by its head, a mark that counts, and its tail, and never ends the program', async () => {
      const code = 'head -c 30000000 /dev/zero | tr "\\0" a; echo end';
      const events = await allEvents(await stream({ code, limits: { outputBytes: 1_000_000 } }));
      const mark = events.findIndex(({ event }) => event === 'truncated');
      expect(events[mark]?.data).toEqual({ stream: 'stdout', omittedBytes: 30_000_004 - 1_000_000 });
      expect(bytesOf(events.slice(0, mark), 'stdout')).toHaveLength(750_000);
      expect(bytesOf(events.slice(mark), 'stdout').toString().slice(-5)).toBe('aend\n');
      expect(events.at(-1)).toMatchObject({ event: 'result', data: { outcome: 'exited', exitCode: 0 } });
    });

    it('a silent program’s stream stays open', async () => {
      const events = await allEvents(await stream({ code: 'sleep 12; echo late' }));
      expect(bytesOf(events, 'stdout').toString()).toBe('late\n');
    });

    it('a plain answer’s job is told the same way afterwards', async () => {
      const answer = await execute(subject(), { language: 'bash', code: 'echo out' });
      const events = await allEvents(await follow(answer.id));
      expect(events.map(({ event }) => event).slice(0, 3)).toEqual(['queued', 'started', 'stdout']);
      expect(events.at(-1)?.data).toEqual(answer);
    });
  });
}

function idOf(events: readonly ReceivedEvent[]): string {
  return String(events[0]?.data.id);
}
