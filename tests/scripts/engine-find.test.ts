import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findObstacle } from '../../scripts/lib/engine-ensure.js';
import { describeLooks, enginePlaces, findEngine, toState } from '../../scripts/lib/engine-find.js';
import { answers, DOCKER, makeFolder, PODMAN, serve } from './fixtures.ts';

async function lookAt(place: string) {
  const { engine, looks } = await findEngine([place], 300);
  return { engine, look: looks[0] };
}

describe('places to look for an engine', () => {
  it('looks only where DOCKER_SOCKET_PATH says', () => {
    expect(enginePlaces({ DOCKER_SOCKET_PATH: '/a.sock', DOCKER_HOST: 'unix:///b.sock' }, '/home/x')).toEqual(
      ['/a.sock'],
    );
  });

  it('puts DOCKER_HOST first and the usual places of Linux and macOS after it', () => {
    const places = enginePlaces({ DOCKER_HOST: 'unix:///b.sock', XDG_RUNTIME_DIR: '/run/user/7' }, '/home/x');
    expect(places.slice(0, 3)).toEqual(['/b.sock', '/var/run/docker.sock', '/run/user/7/docker.sock']);
    expect(places).toContain('/home/x/.docker/run/docker.sock');
    expect(places).toContain('/home/x/.colima/default/docker.sock');
    expect(places).toContain('/home/x/.orbstack/run/docker.sock');
  });
});

describe('what answers at a place', () => {
  it('takes a Docker engine, with its version and architecture', async () => {
    const socket = join(makeFolder(), 'x.sock');
    await serve(socket, DOCKER);
    expect((await lookAt(socket)).engine).toEqual({ socket, version: '28.1.0', arch: 'arm64' });
  });

  it('recognises Podman behind a socket called docker.sock', async () => {
    const socket = join(makeFolder(), 'docker.sock');
    await serve(socket, PODMAN);
    const { engine, look } = await lookAt(socket);
    expect(engine).toBeUndefined();
    expect(look).toMatchObject({ state: 'podman', detail: expect.stringContaining('Podman 5.2.0') });
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
    const { engine, looks } = await findEngine([
      'tcp://10.0.0.1:2375',
      join(folder, 'none'),
      good,
      '/never/asked',
    ]);
    expect(engine?.socket).toBe(good);
    expect(looks.map(({ state }) => state)).toEqual(['unsupported', 'missing', 'docker']);
    expect(describeLooks(looks)).toContain('tcp://10.0.0.1:2375: not a unix socket');
  });
});

describe('obstacles that starting or installing an engine would not cure', () => {
  const look = (state: 'refused' | 'podman' | 'missing', place = '/var/run/docker.sock') => ({
    place,
    state,
    detail: '',
  });

  it('names the group for a refused permission', () => {
    expect(findObstacle([look('refused')], {})).toContain('usermod -aG docker');
  });

  it('does not put Docker over a Podman that has the default socket', () => {
    expect(findObstacle([look('podman')], {})).toContain('DOCKER_SOCKET_PATH');
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
