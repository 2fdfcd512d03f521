import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callEngineWithProgress } from '../../scripts/lib/engine-api.js';
import { packTar } from '../../scripts/lib/image-build.js';
import { readBuildArguments } from '../../scripts/lib/image-source.js';
import { fillNpmCache, NPM_CACHE } from '../../scripts/lib/npm-cache.js';
import { copyProject, prepareBuild, ROOT, removeStages } from '../support/compose-project.ts';
import { callEngine, DOCKER } from '../support/engine.ts';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.ts';

const TAG = `aatest-build-${crypto.randomUUID().slice(0, 8)}`;
let folder: string;
let given: Record<string, string>;
let registry: string;

beforeAll(async () => {
  folder = makeTemporaryFolder('build');
  given = await prepareBuild(DOCKER);
  registry = await fillNpmCache(ROOT, process.env);
});
afterAll(async () => {
  for (const mode of ['none', 'host'])
    await callEngine(DOCKER, 'DELETE', `/images/${TAG}:${mode}?force=true`).catch(() => {});
  await removeStages(DOCKER);
  removeFolder(folder);
});

/** Builds the service's image from nothing that an earlier build has left. */
async function build(networkmode: 'none' | 'host', args: Record<string, string>): Promise<void> {
  const query = new URLSearchParams({
    t: `${TAG}:${networkmode}`,
    buildargs: JSON.stringify({ ...given, ...args }),
    networkmode,
    nocache: '1',
    forcerm: '1',
  });
  const body = packTar(folder, ['.']);
  const { socketPath: socket } = DOCKER;
  await callEngineWithProgress({ socket, path: `/build?${query}`, body, contentType: 'application/x-tar' });
}

interface LockedPackage {
  /** Absent where the package lies in a folder of its name. */
  readonly name?: string;
  readonly version: string;
  readonly integrity: string;
  readonly dev?: boolean;
}

/** An npm registry of the locked packages, out of the filled cache: `GET /name` and `GET /name/-/integrity.tgz`. */
function createRegistry(asked: string[]): Server {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  const locked = Object.entries(packages).map(([path, entry]) => ({
    ...entry,
    name: entry.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
  }));
  return createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '').slice(1));
    asked.push(path);
    const [name = '', digest] = path.split('/-/');
    if (digest !== undefined) {
      const hex = digest.replace('.tgz', '');
      const parts = [hex.slice(0, 2), hex.slice(2, 4), hex.slice(4)];
      response.end(readFileSync(join(ROOT, NPM_CACHE, '_cacache/content-v2/sha512', ...parts)));
      return;
    }
    const versions = locked
      .filter((entry) => entry.name === name)
      .map(({ version, integrity }) => {
        const hex = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex');
        const tarball = `http://${request.headers.host}/${name}/-/${hex}.tgz`;
        return [version, { name, version, dist: { tarball, integrity } }];
      });
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ name, 'dist-tags': {}, versions: Object.fromEntries(versions) }));
  });
}

describe('the service’s image', () => {
  it('is built without any network from a filled npm cache', async () => {
    copyProject(folder);
    await build('none', { NPM_CONFIG_REGISTRY: registry });
  });

  it('is built from the npm registry where its context has no cache, and is small', async () => {
    const asked: string[] = [];
    const server = createRegistry(asked);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      removeFolder(join(folder, NPM_CACHE));
      await build('host', { NPM_CONFIG_REGISTRY: `http://127.0.0.1:${port}/` });
    } finally {
      server.close();
    }
    expect(asked).toContain('hono');
    expect(asked.filter((path) => path.endsWith('.tgz')).length).toBeGreaterThan(20);
    const named = readBuildArguments(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'));
    const size = async (image: string) =>
      ((await callEngine(DOCKER, 'GET', `/images/${image}/json`)) as { Size: number }).Size;
    const [own, base] = await Promise.all([
      size(`${TAG}:host`),
      size(given.NODE_IMAGE ?? named.NODE_IMAGE ?? ''),
    ]);
    expect(own - base).toBeLessThan(40_000_000);
  });
});
