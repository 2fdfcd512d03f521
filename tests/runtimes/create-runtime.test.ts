import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import { findSocket, socketCandidates } from '../../src/runtimes/docker/find-socket.ts';
import { createRuntime } from '../../src/runtimes/index.ts';
import { codeOf } from '../contract/container-runtime/subject.ts';
import { type ScriptedEngine, startScriptedEngine } from '../support/scripted-engine.ts';

let folder: string;
const open: { close(): unknown }[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'find-socket-'));
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  await rm(folder, { recursive: true, force: true });
});

const engineAt = async (components: readonly string[]): Promise<ScriptedEngine> => {
  const engine = await startScriptedEngine({ components });
  open.push(engine);
  return engine;
};
const places = (socketPath: string) => ({ socketPath, env: {}, platform: 'linux', home: folder });

describe('socketCandidates', () => {
  it('looks where the environment says first, then at the usual places, each once', () => {
    const env = { DOCKER_HOST: 'unix:///var/run/docker.sock' };
    expect(socketCandidates({ env, platform: 'darwin', home: '/home/a' }).map(({ path }) => path)).toEqual([
      '/var/run/docker.sock',
      '/home/a/.docker/run/docker.sock',
      '/home/a/.colima/default/docker.sock',
      '/home/a/.orbstack/run/docker.sock',
    ]);
  });

  it('looks nowhere else when the operator names a socket', () => {
    const env = { DOCKER_HOST: 'unix:///other.sock' };
    expect(socketCandidates({ socketPath: '/mine.sock', env, platform: 'linux', home: '/h' })).toHaveLength(
      1,
    );
  });
});

describe('findSocket', () => {
  it('finds the socket where Docker answers', async () => {
    const { socketPath } = await engineAt(['Engine']);
    expect(await findSocket(places(socketPath))).toBe(socketPath);
  });

  it('says of every place what was wrong there', async () => {
    const message = await findSocket({
      env: { DOCKER_HOST: 'tcp://user:secret@far:2375' },
      platform: 'linux',
      home: folder,
      usual: [join(folder, 'a.sock'), join(folder, 'b.sock')],
    }).catch((error: Error) => error.message);
    expect(message).toContain('DOCKER_HOST=tcp://far:2375: not a unix socket');
    expect(message).toContain(`${folder}/a.sock (usual place): does not exist`);
    expect(message).toContain(`${folder}/b.sock (usual place): does not exist`);
    expect(message).not.toContain('secret');
  });

  it('refuses Podman with a code of its own', async () => {
    const { socketPath } = await engineAt(['Podman Engine']);
    expect(await codeOf(findSocket(places(socketPath)))).toBe('wrong_engine');
  });

  it('does not wait for ever for what accepts and never answers', async () => {
    const socketPath = join(folder, 'mute.sock');
    const mute: Server = createServer(() => {});
    await new Promise<void>((resolve) => mute.listen(socketPath, resolve));
    open.push(mute);
    const failure = await findSocket(places(socketPath)).catch((error: Error) => error.message);
    expect(failure).toContain('did not answer within');
  });
});

describe('createRuntime', () => {
  const build = (kind: 'auto' | 'docker' | 'podman', socketPath: string) =>
    createRuntime({ kind, ...places(socketPath), logger: silentLogger });

  it('needs no living engine, and finds one that comes later', async () => {
    const engine = await engineAt(['Engine']);
    await engine.die();
    const runtime = build('auto', engine.socketPath);
    open.push(runtime);
    expect(await codeOf(runtime.info())).toBe('unavailable');
    await engine.revive();
    expect((await runtime.info()).name).toBe('docker');
  });

  it('refuses to drive Podman', () => {
    expect(() => build('podman', '/x')).toThrow('This version drives Docker only');
  });
});
