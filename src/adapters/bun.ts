import { type RunningServer, type ServeOptions, toUrl } from './server.ts';

/** Seconds that a connection may be silent while a request is being received. */
const IDLE_SECONDS = 30;

/** The part of Bun's server that is used here; Bun's own types would replace the web standard's for the whole project. */
interface BunServer {
  readonly port: number;
  timeout(request: Request, seconds: number): void;
  stop(closeActiveConnections: boolean): Promise<void>;
}

interface BunRuntime {
  serve(options: {
    hostname: string;
    port: number;
    idleTimeout: number;
    maxRequestBodySize: number;
    fetch: (request: Request, server: BunServer) => Response | Promise<Response>;
  }): BunServer;
}

/** Listens with Bun's own HTTP server. Throws when the address can't be had. */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { Bun } = globalThis as unknown as { Bun: BunRuntime };
  const server = Bun.serve({
    hostname: options.host,
    port: options.port,
    idleTimeout: IDLE_SECONDS,
    // Beyond what the app allows, so that the app's own 413 is the one that is seen.
    maxRequestBodySize: options.maxBodyBytes * 2,
    fetch(request, self) {
      // A run may be silent for minutes; Bun would cut its connection.
      self.timeout(request, 0);
      return options.fetch(request);
    },
  });
  return { url: toUrl(options.host, server.port), close: () => server.stop(true) };
}
