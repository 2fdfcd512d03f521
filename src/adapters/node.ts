import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { type RunningServer, type ServeOptions, toUrl } from './server.ts';

/** A client has this long to send its headers, and its whole request. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 120_000;
const LAST_ANSWERS_MS = 1000;

/** Listens with Node's own HTTP server. Rejects when the address can't be had. */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const server = createAdaptorServer({
    fetch: options.fetch,
    serverOptions: { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
  }) as Server;
  server.on('clientError', answerClientError);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(toListenError(error, options)));
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: toUrl(options.host, port),
    close: () => close(server),
  };
}

function toListenError(error: NodeJS.ErrnoException, { host, port }: ServeOptions): Error {
  const cures: Readonly<Record<string, string>> = {
    EADDRINUSE: `Port ${port} on ${host} is taken: stop who holds it, or set PORT to another.`,
    EACCES: `This user may not listen on port ${port}: set PORT to one above 1023.`,
    EADDRNOTAVAIL: `${host} is no address of this machine: set HOST to one, such as 127.0.0.1.`,
  };
  const message = cures[error.code ?? ''];
  return message === undefined ? error : new Error(message, { cause: error });
}

/** Takes no more connections; answers that are on their way get a moment to arrive, what is open then is cut. */
async function close(server: Server): Promise<void> {
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const last = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearInterval(idle);
  clearTimeout(last);
}

const CLIENT_ERRORS: Readonly<Record<string, readonly [status: string, code: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'headers_too_large',
    'The request headers are larger than 16 KiB: send fewer.',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [
    '400 Bad Request',
    'invalid_request',
    'The request did not arrive in time: send it faster.',
  ],
};

/** What Node's parser refuses never reaches the app: the same error shape, then the connection is closed. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, code, message] = CLIENT_ERRORS[error.code ?? ''] ?? [
    '400 Bad Request',
    'invalid_request',
    'This is no HTTP request that can be read: check its first line and headers.',
  ];
  const body = JSON.stringify({ error: { code, message, requestId: crypto.randomUUID() } });
  const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`;
  socket.end(head + body);
}
