import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findObstacle } from '../../scripts/lib/engine-ensure.js';
import { describeLooks, enginePlaces, findEngine, toState } from '../../scripts/lib/engine-find.js';
import { socketPlaces } from '../../src/runtimes/discovery/places.ts';
import { answers, DOCKER, makeFolder, PODMAN, serve } from './fixtures.ts';

const at = (path: string) => ({ path, named: false });

async function lookAt(place: string, choice: 'auto' | 'docker' | 'podman' = 'auto') {
  const { engine, looks } = await findEngine([at(place)], choice, 300);
  return { engine, look: looks[0] };
}

describe('places to look for an engine', () => {
  const VARIABLES = ['', 'unix:///d.sock'] as const;
  const cases = (['linux', 'darwin'] as const).flatMap((platform) =>
    (['auto', 'docker', 'podman'] as const).flatMap((choice) =>
      [0, 7].flatMap((uid) =>
        VARIABLES.flatMap((DOCKER_HOST) =>
          ['', 'unix:///p.sock'].flatMap((CONTAINER_HOST) =>
            ['', '/run/user/7'].map((XDG_RUNTIME_DIR) => ({
              platform,
              choice,
              uid,
              env: { DOCKER_HOST, CONTAINER_HOST, XDG_RUNTIME_DIR, TMPDIR: '/t/' },
            })),
          ),
        ),
      ),
    ),
  );

  it('are those of the service itself, in the same order', () => {
    expect(cases.length).toBe(96);
    for (const { platform, choice, uid, env } of cases) {
      const ours = enginePlaces(env, choice, { home: '/home/x', platform, uid }).map(({ path }) => path);
      const places = socketPlaces({ env, platform, home: '/home/x', uid }, choice);
      expect(ours, JSON.stringify({ platform, choice, uid, env })).toEqual(places.map(({ path }) => path));
    }
  });

  it('are what DOCKER_SOCKET_PATH says, and nothing else', () => {
    const settings = { DOCKER_SOCKET_PATH: 'unix:///a.sock', DOCKER_HOST: 'unix:///b.sock' };
    expect(enginePlaces(settings)).toEqual([{ path: '/a.sock', named: true }]);
  });
});

describe('what answers at a place', () => {
  it('takes a Docker engine, with its version and architecture', async () => {
    const socket = join(makeFolder(), 'x.sock');
    await serve(socket, DOCKER);
    expect((await lookAt(socket)).engine).toEqual({
      kind: 'docker',
      socket,
      version: '28.1.0',
      arch: 'arm64',
    });
  });

  it('recognises Podman behind a socket called docker.sock, and takes it where that is wanted', async () => {
    const socket = join(makeFolder(), 'docker.sock');
    await serve(socket, PODMAN);
    const { engine, look } = await lookAt(socket, 'docker');
    expect(engine).toBeUndefined();
    expect(look).toMatchObject({ state: 'podman', detail: 'Podman 5.2.0' });
    expect((await lookAt(socket, 'podman')).engine).toMatchObject({ kind: 'podman', version: '5.2.0' });
    expect((await lookAt(socket, 'auto')).engine).toMatchObject({ kind: 'podman' });
  });

  it('prefers Docker to a Podman that it met before, and what somebody named to both', async () => {
    const folder = makeFolder();
    const [podman, docker] = [join(folder, 'p.sock'), join(folder, 'd.sock')];
    await serve(podman, PODMAN);
    await serve(docker, DOCKER);
    expect((await findEngine([at(podman), at(docker)])).engine?.socket).toBe(docker);
    expect((await findEngine([{ path: podman, named: true }, at(docker)])).engine?.socket).toBe(podman);
    expect((await findEngine([at(podman), at(docker)], 'podman')).engine?.socket).toBe(podman);
  });

  it('tells a missing socket, one that nobody listens on, one that never answers and a foreign server apart', async () => {
    const folder = makeFolder();
    expect((await lookAt(join(folder, 'none.sock'))).look?.state).toBe('missing');

    const dead = join(folder, 'dead.sock');
    writeFileSync(dead, '');
    expect((await lookAt(dead)).look?.state).toBe('silent');

    const mute = join(folder, 'mute.sock');
    await serve(mute, () => {});
    expect((await lookAt(mute)).look).toMatchObject({
      state: 'silent',
      detail: expect.stringContaining('no answer'),
    });

    const web = join(folder, 'web.sock');
    await serve(web, answers({}));
    expect((await lookAt(web)).look).toMatchObject({
      state: 'foreign',
      detail: expect.stringContaining('404'),
    });
  });

  it('does not take a server for an engine that answers the ping and nothing else', async () => {
    const socket = join(makeFolder(), 'x.sock');
    await serve(socket, answers({ '/_ping': [200, 'OK'], '/version': [200, 'hello'] }));
    expect((await lookAt(socket)).look?.state).toBe('foreign');
  });

  it('survives a server that speaks no HTTP', async () => {
    const socket = join(makeFolder(), 'x.sock');
    const server = createServer((connection) => connection.end('220 mail ready\r\n'));
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    const { look } = await lookAt(socket);
    server.close();
    expect(look?.state).toBe('foreign');
  });

  it.each([
    ['ENOENT', 'missing'],
    ['ENOTDIR', 'missing'],
    ['EACCES', 'refused'],
    ['EPERM', 'refused'],
    ['ECONNREFUSED', 'silent'],
    ['ETIMEDOUT', 'silent'],
    ['ECONNRESET', 'foreign'],
  ])('takes %s for: %s', (code, state) => {
    expect(toState({ code, message: 'x' }).state).toBe(state);
  });

  it('goes on after a bad place and reports every one', async () => {
    const folder = makeFolder();
    const good = join(folder, 'good.sock');
    await serve(good, DOCKER);
    const places = ['tcp://10.0.0.1:2375', join(folder, 'none'), good, '/never/asked'];
    const { engine, looks } = await findEngine(places.map(at));
    expect(engine?.socket).toBe(good);
    expect(looks.map(({ state }) => state)).toEqual(['unsupported', 'missing', 'docker']);
    expect(describeLooks(looks)).toContain('tcp://10.0.0.1:2375: not a unix socket');
  });
});

describe('obstacles that starting or installing an engine would not cure', () => {
  const look = (state: 'refused' | 'docker' | 'podman' | 'missing', place = '/var/run/docker.sock') => ({
    place,
    state,
    detail: '',
  });

  it('names the group for a refused permission', () => {
    expect(findObstacle([look('refused')], {})).toContain('usermod -aG docker');
  });

  it('does not put Docker over a Podman that has the default socket', () => {
    expect(findObstacle([look('podman')], {}, 'docker')).toContain('Set AA_RUNTIME=podman to use it');
  });

  it('names the other setting when the operator named a socket of the other engine', () => {
    const settings = { DOCKER_SOCKET_PATH: '/srv/x.sock' };
    expect(findObstacle([look('podman', '/srv/x.sock')], settings, 'docker')).toContain(
      'Set AA_RUNTIME=podman',
    );
    expect(findObstacle([look('docker', '/srv/x.sock')], settings, 'podman')).toContain(
      'Set AA_RUNTIME=docker',
    );
  });

  it('sees none in a refused socket for who wants Podman, which everybody may start', () => {
    expect(findObstacle([look('refused')], {}, 'podman')).toBeUndefined();
    expect(findObstacle([look('refused', '/run/podman/podman.sock')], {})).toBeUndefined();
  });

  it('starts nothing when the operator named another socket', () => {
    expect(findObstacle([look('missing', '/srv/x.sock')], { DOCKER_SOCKET_PATH: '/srv/x.sock' })).toContain(
      '/srv/x.sock',
    );
  });

  it('sees none when all places are merely empty', () => {
    expect(findObstacle([look('missing')], {})).toBeUndefined();
  });
});
