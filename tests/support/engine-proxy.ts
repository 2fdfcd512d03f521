import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { makeTemporaryFolder, removeFolder } from './temporary-folder.ts';

/** The body of a create call of Docker's, as far as a test changes it. */
export interface CreateBody {
  readonly HostConfig: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

export interface EngineProxy {
  readonly socketPath: string;
  /** Ids of the containers that were made through it. */
  readonly created: readonly string[];
  close(): Promise<void>;
}

/** Listens in front of a real Docker engine and passes everything on, the bodies of create calls as `rewrite` makes them. */
export async function startEngineProxy(
  engineSocket: string,
  rewrite: (body: CreateBody) => CreateBody,
): Promise<EngineProxy> {
  const folder = makeTemporaryFolder('proxy');
  const socketPath = join(folder, 'docker.sock');
  const sockets = new Set<Duplex>();
  const created: string[] = [];

  const pass = async (asked: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const creates = /\/containers\/create(\?|$)/.test(asked.url ?? '');
    const chunks: Buffer[] = [];
    for await (const chunk of asked) chunks.push(chunk);
    const sent = Buffer.concat(chunks);
    const body = creates ? Buffer.from(JSON.stringify(rewrite(JSON.parse(sent.toString())))) : sent;
    const { 'transfer-encoding': _, ...headers } = asked.headers;
    const onward = request({
      socketPath: engineSocket,
      method: asked.method,
      path: asked.url,
      headers: { ...headers, 'content-length': body.length },
      agent: false,
    });
    onward.on('response', (response) => {
      answer.writeHead(response.statusCode ?? 500, response.headers);
      answer.flushHeaders();
      response.pipe(answer);
      if (!creates) return;
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        const id = /"Id":"(\w+)"/.exec(text)?.[1];
        if (id !== undefined) created.push(id);
      });
    });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    onward.end(body);
  };
  const server = createServer((asked, answer) => {
    pass(asked, answer).catch(() => answer.destroy());
  });
  server.on('upgrade', (asked: IncomingMessage, client: Duplex, head: Buffer) => {
    const engine = connect(engineSocket);
    const lines = asked.rawHeaders.flatMap((name, at) =>
      at % 2 === 0 ? [`${name}: ${asked.rawHeaders[at + 1]}`] : [],
    );
    engine.write(`${asked.method} ${asked.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    engine.write(head);
    client.pipe(engine).pipe(client);
    client.on('error', () => engine.destroy());
    engine.on('error', () => client.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    created,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      removeFolder(folder);
    },
  };
}

/** A rewrite that changes the part of a create call's body which says what the host must do. */
export function changing(
  change: (host: CreateBody['HostConfig']) => Readonly<Record<string, unknown>>,
): (body: CreateBody) => CreateBody {
  return (body) => ({ ...body, HostConfig: { ...body.HostConfig, ...change(body.HostConfig) } });
}
