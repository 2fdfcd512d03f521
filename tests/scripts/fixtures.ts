import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, vi } from 'vitest';

const cleanups: (() => void | Promise<void>)[] = [];

// What the set-up tells a person is no news in a test's output.
beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
});

afterEach(async () => {
  vi.restoreAllMocks();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A folder that is removed after the test. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'aa-scripts-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** An HTTP server on a unix socket or, given 0, on a free port; closed after the test. */
export async function serve(where: string | 0, listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    if (where === 0) server.listen(0, '127.0.0.1', resolve);
    else server.listen(where, resolve);
  });
  cleanups.push(
    () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );
  return server;
}

export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port');
  return address.port;
}

/** Answers each path with a status and a body; another path is 404. */
export function answers(table: Record<string, readonly [number, unknown]>): RequestListener {
  return (request, response) => {
    const [status, body] = table[(request.url ?? '').split('?')[0] ?? ''] ?? [
      404,
      { message: 'no such route' },
    ];
    response.statusCode = status;
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

export const DOCKER = answers({
  '/_ping': [200, 'OK'],
  '/version': [200, { Version: '28.1.0', Arch: 'arm64', Components: [{ Name: 'Engine' }] }],
});

export const PODMAN = answers({
  '/_ping': [200, 'OK'],
  '/version': [200, { Version: '5.2.0', Arch: 'amd64', Components: [{ Name: 'Podman Engine' }] }],
});

/** A folder for PATH that holds the given shell scripts by program name. */
export function makePrograms(scripts: Record<string, string>): string {
  const folder = join(makeFolder(), 'bin');
  mkdirSync(folder);
  for (const [name, script] of Object.entries(scripts)) {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  }
  return folder;
}
