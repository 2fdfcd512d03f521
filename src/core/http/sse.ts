import { within } from '../abort.ts';

/** One event of a stream in the shape that `EventSource` reads. */
export interface ServerSentEvent {
  readonly id: number;
  readonly event: string;
  /** Becomes one line of JSON. */
  readonly data: object | JsonPieces;
}

/** JSON in pieces, each of which is asked for when the reader has room for it. */
export type JsonPieces = AsyncIterable<string>;

/** Below the ten seconds after which some servers and proxies take a silent connection for dead. */
const HEARTBEAT_MS = 5000;
const HEARTBEAT = Symbol('heartbeat');
/** Characters of an event that are sent at once; smaller pieces are put together. */
const LEAST_CHUNK = 16 * 1024;

export const EVENT_STREAM_HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  // Else nginx keeps what it gets until there's enough of it.
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
} as const;

/** What a host prints, or tells a client whose answer hasn't begun, of a stream that breaks. */
const BROKEN = 'The event stream broke: ask for it again with Last-Event-ID.';

/**
 * Answers with a stream of events, each asked for when the reader has room for it, so that a slow reader costs no more than the
 * event, or the piece of one, that waits for it, and what `events` holds. While none comes, comment lines keep the connection
 * alive. `events` must end by itself, once its signal aborts as well; when it throws, the connection breaks, as it would with
 * the network.
 *
 * @param onClosed called once, when the stream has ended, its reader has gone, or `events` has thrown: then with the cause
 */
export function toEventStream(
  events: (signal: AbortSignal) => AsyncIterator<ServerSentEvent>,
  onClosed: (cause?: unknown) => void,
): Response {
  const reader = new AbortController();
  const text = toText(events(reader.signal));
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await text.next();
          if (reader.signal.aborted) return;
          if (done !== true) return controller.enqueue(encoder.encode(value));
          onClosed();
          controller.close();
        } catch (cause) {
          if (reader.signal.aborted) return;
          onClosed(cause);
          controller.error(new Error(BROKEN));
        }
      },
      cancel() {
        reader.abort();
        onClosed();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: EVENT_STREAM_HEADERS });
}

/** The events as they're sent, and what keeps the connection alive between them. */
async function* toText(events: AsyncIterator<ServerSentEvent>): AsyncGenerator<string, void> {
  for (;;) {
    const next = events.next();
    const wait = (): Promise<IteratorResult<ServerSentEvent> | typeof HEARTBEAT> =>
      within<IteratorResult<ServerSentEvent> | typeof HEARTBEAT>(next, HEARTBEAT_MS, () => HEARTBEAT);
    let result = await wait();
    for (; result === HEARTBEAT; result = await wait()) yield ': alive\n\n';
    if (result.done === true) return;
    const { id, event, data } = result.value;
    let text = `id: ${id}\nevent: ${event}\ndata: `;
    for await (const piece of Symbol.asyncIterator in data ? data : [JSON.stringify(data)]) {
      text += toLine(piece);
      if (text.length < LEAST_CHUNK) continue;
      yield text;
      text = '';
    }
    yield `${text}\n\n`;
  }
}

/** JSON has no raw line break but these three, which only some clients take for one: the data is one line to all. */
const LINE_BREAKS = /[\u0085\u2028\u2029]/g;

function toLine(json: string): string {
  return json.replace(
    LINE_BREAKS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
