import { within } from '../abort.ts';

/** One event of a stream in the shape that `EventSource` reads; `data` becomes one line of JSON. */
export interface ServerSentEvent {
  readonly id: number;
  readonly event: string;
  readonly data: unknown;
}

/** Below the ten seconds after which some servers and proxies take a silent connection for dead. */
const HEARTBEAT_MS = 5000;
const HEARTBEAT = Symbol('heartbeat');

export const EVENT_STREAM_HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  // Else nginx keeps what it gets until there's enough of it.
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
} as const;

/**
 * Answers with a stream of events, one asked for when the reader has room for it, so a slow reader costs no memory. While none
 * comes, comment lines keep the connection alive. `events` must end by itself, once its signal aborts as well.
 *
 * @param onClosed called once, when the stream has ended or its reader has gone
 */
export function toEventStream(
  events: (signal: AbortSignal) => AsyncIterator<ServerSentEvent>,
  onClosed: () => void,
): Response {
  const reader = new AbortController();
  const iterator = events(reader.signal);
  const encoder = new TextEncoder();
  let next: Promise<IteratorResult<ServerSentEvent>> | undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        next ??= iterator.next();
        const result = await within<IteratorResult<ServerSentEvent> | typeof HEARTBEAT>(
          next,
          HEARTBEAT_MS,
          () => HEARTBEAT,
        );
        if (reader.signal.aborted) return;
        if (result === HEARTBEAT) return controller.enqueue(encoder.encode(': alive\n\n'));
        next = undefined;
        if (!result.done) return controller.enqueue(encoder.encode(toText(result.value)));
        onClosed();
        controller.close();
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

/** JSON has no raw line break but these three, which only some clients take for one: the data is one line to all. */
const LINE_BREAKS = /[\u0085\u2028\u2029]/g;

function toText({ id, event, data }: ServerSentEvent): string {
  const json = JSON.stringify(data).replace(
    LINE_BREAKS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `id: ${id}\nevent: ${event}\ndata: ${json}\n\n`;
}
