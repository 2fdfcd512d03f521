import { connect, createServer, type Server } from 'node:net';

/** A socket in front of an engine's that passes every byte on and keeps the bodies of create calls. */
export interface EngineRecorder {
  readonly createBodies: readonly unknown[];
  close(): Promise<void>;
}

/** Listens on `socketPath` and passes on to the engine at `engineSocket`. */
export async function recordEngine(socketPath: string, engineSocket: string): Promise<EngineRecorder> {
  const createBodies: unknown[] = [];
  const server = createServer((client) => {
    const engine = connect(engineSocket);
    let seen = '';
    client.on('data', (chunk) => {
      seen += chunk.toString('latin1');
      for (let body = takeCreateBody(); body !== undefined; body = takeCreateBody())
        createBodies.push(JSON.parse(body));
    });
    /** The first whole create call in what was sent so far; what comes before its end is forgotten with it. */
    const takeCreateBody = (): string | undefined => {
      const match =
        /POST \S*\/containers\/create\S* HTTP\/1\.1\r\n[\s\S]*?content-length: (\d+)[\s\S]*?\r\n\r\n/i.exec(
          seen,
        );
      if (match === null) return undefined;
      const begin = match.index + match[0].length;
      const end = begin + Number(match[1]);
      if (seen.length < end) return undefined;
      const body = Buffer.from(seen.slice(begin, end), 'latin1').toString();
      seen = seen.slice(end);
      return body;
    };
    client.pipe(engine).pipe(client);
    client.on('error', () => engine.destroy());
    engine.on('error', () => client.destroy());
  });
  await listen(server, socketPath);
  return {
    createBodies,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}
