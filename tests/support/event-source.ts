import { serve } from '../../src/adapters/node.ts';
import { type ServerSentEvent, toEventStream } from '../../src/core/http/sse.ts';

/** A server by itself: two events, then its source fails as a read without a free file descriptor does. */
async function* events(): AsyncGenerator<ServerSentEvent> {
  for (const id of [1, 2]) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    yield { id, event: 'stdout', data: { text: 'x' } };
  }
  throw new Error('EMFILE: too many open files, open /secret/path');
}

const server = await serve({
  host: '127.0.0.1',
  port: 0,
  fetch: () => toEventStream(events, (cause) => console.log(`closed: ${cause !== undefined}`)),
});
console.log(server.url);
