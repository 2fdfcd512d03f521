import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ServerSentEvent, toEventStream } from '../../src/core/http/sse.ts';
import { allEvents } from '../support/event-stream.ts';

afterEach(() => void vi.useRealTimers());

async function* count(
  until: number,
  onNext: (n: number) => void = () => {},
): AsyncGenerator<ServerSentEvent> {
  for (let n = 1; n <= until; n += 1) {
    onNext(n);
    yield { id: n, event: 'stdout', data: { text: `line\r\n\u2028\u0085${n}` } };
  }
}

describe('an event stream', () => {
  it('has an id, a name and one line of JSON an event, and ends when the events do', async () => {
    const onClosed = vi.fn();
    const response = toEventStream(() => count(3), onClosed);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const [copy, rest] = response.body?.tee() ?? [];
    const lines = (await new Response(copy).text()).split(/[\n\r\u0085\u2028\u2029]/);
    expect(lines).toHaveLength(3 * 4 + 1);
    const events = await allEvents(new Response(rest, { headers: response.headers }));
    expect(events.map(({ id, data }) => [id, data.text])).toEqual([
      [1, 'line\r\n\u2028\u00851'],
      [2, 'line\r\n\u2028\u00852'],
      [3, 'line\r\n\u2028\u00853'],
    ]);
    expect(onClosed).toHaveBeenCalledTimes(1);
  });

  it('asks for no more events than its reader takes', async () => {
    let asked = 0;
    const response = toEventStream(
      () =>
        count(1_000_000, (n) => {
          asked = n;
        }),
      () => {},
    );
    const reader = response.body?.getReader();
    for (let n = 0; n < 3; n += 1) await reader?.read();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked).toBeLessThanOrEqual(4);
    await reader?.cancel();
  });

  it('is kept alive by comments while no event comes', async () => {
    vi.useFakeTimers();
    const response = toEventStream(
      async function* () {
        await new Promise((resolve) => setTimeout(resolve, 12_000));
        yield { id: 1, event: 'result', data: {} };
      },
      () => {},
    );
    const text = response.text();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await text).toBe(': alive\n\n: alive\n\nid: 1\nevent: result\ndata: {}\n\n');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('tells its events when the reader has gone, once', async () => {
    const onClosed = vi.fn();
    let signal: AbortSignal | undefined;
    const response = toEventStream((given) => {
      signal = given;
      return count(10);
    }, onClosed);
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    expect(signal?.aborted).toBe(true);
    expect(onClosed).toHaveBeenCalledTimes(1);
  });

  it('breaks when its events do, and tells why once', async () => {
    const onClosed = vi.fn();
    const cause = new Error('EMFILE: /secret/path');
    const response = toEventStream(async function* () {
      yield* count(1);
      throw cause;
    }, onClosed);
    const reader = response.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toMatch(/^id: 1\n/);
    await expect(reader?.read()).rejects.toThrow(/^The event stream broke: [^/]*$/);
    await reader?.cancel().catch(() => {});
    expect(onClosed.mock.calls).toEqual([[cause]]);
  });
});
