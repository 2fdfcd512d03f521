import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ensureImage } from '../../scripts/lib/image-ensure.js';
import { hashSource } from '../../scripts/lib/image-source.js';
import { reachImages } from '../../scripts/lib/registry-reach.js';
import { makeFolder, serve } from './fixtures.ts';

type Build = { query: URLSearchParams; bytes: number };

/** A stand-in engine: the images that it has (with their label), and whether its registry answers. */
async function makeEngine(has: Record<string, string | null>, registry: 'answers' | 'refuses' | 'hangs') {
  const builds: Build[] = [];
  const paths: string[] = [];
  const socket = join(makeFolder(), 'engine.sock');
  await serve(socket, async (request, response) => {
    const url = new URL(request.url ?? '', 'http://engine');
    paths.push(url.pathname);
    const path = url.pathname.replace('/v4.0.0/libpod', '');
    const name = /^\/(?:images|distribution|manifests)\/(.+)\/json$/.exec(path)?.[1] ?? '';
    if (path === '/build') {
      builds.push({ query: url.searchParams, bytes: await countBytes(request) });
      has[url.searchParams.get('t') ?? ''] = JSON.parse(url.searchParams.get('labels') ?? '{}')[
        'aa.worker.source'
      ];
      response.end('{"stream":"Step 1/1 : FROM x"}\n');
      return;
    }
    if (/^\/(distribution|manifests)\//.test(path)) {
      if (registry === 'hangs') return;
      response.statusCode = registry === 'answers' ? 200 : 500;
      response.end('{"message":"lookup registry: no such host"}');
      return;
    }
    response.statusCode = name in has ? 200 : 404;
    const label = has[name];
    response.end(JSON.stringify({ Config: { Labels: label ? { 'aa.worker.source': label } : null } }));
  });
  return { socket, builds, paths };
}

async function countBytes(request: IncomingMessage): Promise<number> {
  let bytes = 0;
  for await (const chunk of request) bytes += (chunk as Buffer).length;
  return bytes;
}

const dockerAt = (socket: string) => ({ kind: 'docker' as const, socket, version: '1', arch: 'amd64' });

function makeContext(socket: string) {
  const root = makeFolder();
  cpSync(fileURLToPath(new URL('../../worker', import.meta.url)), join(root, 'worker'), { recursive: true });
  const situation = { root: false, terminal: false, ci: true, yes: false };
  return {
    root,
    hash: hashSource(join(root, 'worker')),
    context: {
      root,
      engine: dockerAt(socket),
      cache: join(root, 'cache'),
      situation,
      env: { PATH: '' },
    },
  };
}

describe('the worker image', () => {
  it('is built from the registry where one is reachable, labelled with its source, and then kept', async () => {
    const { socket, builds } = await makeEngine({}, 'answers');
    const { context, hash } = makeContext(socket);
    await ensureImage('aa-worker:latest', context);
    await ensureImage('aa-worker:latest', context);
    expect(builds).toHaveLength(1);
    expect(builds[0]?.bytes).toBeGreaterThan(1_000);
    expect(Object.fromEntries(builds[0]?.query ?? [])).toMatchObject({
      t: 'aa-worker:latest',
      dockerfile: 'Dockerfile',
      buildargs: '{}',
      labels: JSON.stringify({ 'aa.worker.source': hash }),
    });
  });

  it('is built again when the folder has changed', async () => {
    const { socket, builds } = await makeEngine({ 'aa-worker:latest': 'older' }, 'answers');
    const { context, root } = makeContext(socket);
    await ensureImage('aa-worker:latest', context);
    writeFileSync(join(root, 'worker/Dockerfile.data'), 'FROM other');
    await ensureImage('aa-worker:latest', context);
    expect(builds).toHaveLength(2);
  });

  it('is left alone when a person built it', async () => {
    const { socket, builds } = await makeEngine({ 'aa-worker:latest': null }, 'answers');
    await ensureImage('aa-worker:latest', makeContext(socket).context);
    expect(builds).toHaveLength(0);
  });

  it('is built before the data image that stands on it', async () => {
    const { socket, builds } = await makeEngine({}, 'answers');
    await ensureImage('aa-worker:data', makeContext(socket).context);
    expect(builds.map(({ query }) => query.get('t'))).toEqual(['aa-worker:latest', 'aa-worker:data']);
  });

  it('uses the stand-ins that the engine already has where no registry answers', async () => {
    const { context, builds } = await makeOffline();
    await ensureImage('aa-worker:latest', context);
    const args = JSON.parse(builds[0]?.query.get('buildargs') ?? '');
    expect(args).toMatchObject({
      BASE_IMAGE: expect.stringMatching(/^aa-base:/),
      NODE_IMAGE: 'aa-node:9.9.9',
      BUN_IMAGE: 'aa-bun:8.8.8',
    });
  });

  it('is built and looked for by the routes of Podman itself where that is the engine', async () => {
    const { socket, builds, paths } = await makeEngine({}, 'answers');
    const { context } = makeContext(socket);
    await ensureImage('aa-worker:latest', { ...context, engine: { ...dockerAt(socket), kind: 'podman' } });
    expect(builds).toHaveLength(1);
    expect(paths.length).toBeGreaterThan(3);
    expect(paths.filter((path) => !path.startsWith('/v4.0.0/libpod/'))).toEqual([]);
    expect(paths.some((path) => path.includes('/manifests/docker.io/'))).toBe(true);
  });

  it('of another name is never built', async () => {
    const { socket, builds } = await makeEngine({}, 'answers');
    const failure = ensureImage('mine:1', makeContext(socket).context);
    await expect(failure).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('docker pull mine:1'),
    });
    expect(builds).toHaveLength(0);
  });
});

/** An engine without a registry that has stand-ins for this system's own release. */
async function makeOffline() {
  const { readSystem, usesApt } = await import('../../scripts/lib/engine-install.js');
  const system = readSystem();
  const base = usesApt(system) ? system.codename : 'bookworm';
  const { socket, builds } = await makeEngine(
    { [`aa-base:${base}`]: null, 'aa-node:9.9.9': null, 'aa-bun:8.8.8': null },
    'refuses',
  );
  const { context, root } = makeContext(socket);
  mkdirSync(join(root, 'worker'), { recursive: true });
  const text =
    'ARG BASE_IMAGE=docker.io/library/u:1\nARG NODE_IMAGE=docker.io/library/node:9.9.9\nARG BUN_IMAGE=docker.io/oven/bun:8.8.8\n';
  writeFileSync(join(root, 'worker/Dockerfile'), text);
  return { context, builds };
}

describe('whether a registry is reachable', () => {
  it('needs no registry for images that the engine has', async () => {
    const { socket } = await makeEngine({ 'docker.io/library/a:1': null }, 'refuses');
    expect(await reachImages(dockerAt(socket), ['docker.io/library/a:1'])).toEqual({
      reachable: true,
      reason: '',
    });
  });

  it('is answered no by a registry error, naming the image', async () => {
    const { socket } = await makeEngine({ 'docker.io/library/a:1': null }, 'refuses');
    const { reachable, reason } = await reachImages(dockerAt(socket), [
      'docker.io/library/a:1',
      'docker.io/library/b:2',
    ]);
    expect(reachable).toBe(false);
    expect(reason).toContain('docker.io/library/b:2');
  });

  it('is given up after one bound for all images together', async () => {
    const { socket } = await makeEngine({}, 'hangs');
    const since = performance.now();
    const { reachable, reason } = await reachImages(dockerAt(socket), ['a:1', 'b:2', 'c:3'], 200);
    expect(reachable).toBe(false);
    expect(reason).toContain('no answer within 0.2 s');
    expect(performance.now() - since).toBeLessThan(1_000);
  });
});
