import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findEngine } from '../../src/runtimes/discovery/find-engine.ts';
import { type EngineChoice, type SocketPlaces, socketPlaces } from '../../src/runtimes/discovery/places.ts';

const USER = 4711;
const DOCKER = { Version: '28.1.0', ApiVersion: '1.49', Components: [{ Name: 'Engine' }] };
const PODMAN = { Version: '5.2.0', ApiVersion: '1.41', Components: [{ Name: 'Podman Engine' }] };

let folder: string;
const open: Server[] = [];
const connections: Socket[] = [];

beforeEach(() => {
  // Short, because the path of a unix socket may have 107 bytes.
  folder = mkdtempSync(join(tmpdir(), 'fe-'));
  chmodSync(folder, 0o755);
});
afterEach(async () => {
  for (const socket of connections.splice(0)) socket.destroy();
  for (const server of open.splice(0)) await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

const places = (platform: string, env: SocketPlaces['env'] = {}): SocketPlaces => ({
  env,
  platform,
  home: `${folder}/h`,
  uid: USER,
  root: folder,
});

async function listen(path: string, server: Server): Promise<string> {
  mkdirSync(dirname(path), { recursive: true });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  server.on('connection', (socket) => connections.push(socket));
  open.push(server);
  return path;
}

function serve(path: string, version: unknown): Promise<string> {
  return listen(
    path,
    createHttpServer((_, response) => response.end(JSON.stringify(version))),
  );
}

/** A socket whose listener has gone, as one that was killed leaves it. */
async function leaveDeadSocket(path: string): Promise<void> {
  const server = createServer();
  mkdirSync(dirname(path), { recursive: true });
  await new Promise<void>((resolve) => server.listen(`${path}-`, resolve));
  // Closing removes the name under which it listened, and no other.
  linkSync(`${path}-`, path);
  await new Promise((resolve) => server.close(resolve));
}

async function messageOf(where: SocketPlaces, choice: EngineChoice): Promise<string> {
  const error = await findEngine(where, choice).catch((cause: unknown) => cause);
  if (!(error instanceof Error && 'code' in error)) throw new Error('an engine was found');
  return `${error.code}: ${error.message}`;
}

/** Every usual place of both systems, and whose it is. */
const USUAL = [
  ['linux', 'docker', 'var/run/docker.sock'],
  ['linux', 'docker', `run/user/${USER}/docker.sock`],
  ['linux', 'docker', 'h/.docker/run/docker.sock'],
  ['linux', 'docker', 'h/.docker/desktop/docker.sock'],
  ['linux', 'docker', 'h/.colima/default/docker.sock'],
  ['linux', 'docker', 'h/.config/colima/default/docker.sock'],
  ['linux', 'docker', 'h/.rd/docker.sock'],
  ['linux', 'podman', `run/user/${USER}/podman/podman.sock`],
  ['linux', 'podman', 'run/podman/podman.sock'],
  ['darwin', 'docker', 'var/run/docker.sock'],
  ['darwin', 'docker', 'h/.docker/run/docker.sock'],
  ['darwin', 'docker', 'h/.colima/default/docker.sock'],
  ['darwin', 'docker', 'h/.orbstack/run/docker.sock'],
  ['darwin', 'docker', 'h/.rd/docker.sock'],
  ['darwin', 'podman', 't/podman/podman-machine-default-api.sock'],
  ['darwin', 'podman', 'h/.local/share/containers/podman/machine/podman.sock'],
  ['darwin', 'podman', 'h/.local/share/containers/podman/machine/podman-machine-default/podman.sock'],
  ['darwin', 'podman', 'h/.local/share/containers/podman/machine/qemu/podman.sock'],
] as const;

describe.each(USUAL)('on %s a socket usual for %s, %s', (platform, engine, below) => {
  const other = engine === 'docker' ? 'podman' : 'docker';
  const where = () => places(platform, platform === 'darwin' ? { TMPDIR: `${folder}/t/` } : {});
  const path = () => join(folder, below);

  it('is found by auto and by name', async () => {
    await serve(path(), engine === 'docker' ? DOCKER : PODMAN);
    expect(await findEngine(where(), 'auto')).toEqual({ engine, socketPath: path() });
    expect(await findEngine(where(), engine)).toEqual({ engine, socketPath: path() });
  });

  it('is taken for what answers there, whatever it is called', async () => {
    await serve(path(), engine === 'docker' ? PODMAN : DOCKER);
    expect(await findEngine(where(), 'auto')).toEqual({ engine: other, socketPath: path() });
    expect(await messageOf(where(), engine)).toMatch(
      new RegExp(
        `^wrong_engine: .*${below} .*\\. Set AA_RUNTIME=${other} to use what answers, start ${engine}.*`,
        'i',
      ),
    );
  });

  it('where nobody listens is told', async () => {
    await leaveDeadSocket(path());
    expect(await messageOf(where(), 'auto')).toContain(
      `${path()} (usual for ${engine === 'docker' ? 'Docker' : 'Podman'}): exists, but nobody listens`,
    );
  });

  it('that may not be opened is told with a code of its own', async ({ skip }) => {
    if (process.platform === 'win32') skip('there are no such rights');
    await serve(path(), DOCKER);
    chmodSync(path(), 0);
    expect(await asOrdinaryUser(() => messageOf(where(), 'auto'))).toMatch(
      /^permission_denied: .*this user may not open it.*\. Let this user .*`sudo usermod -aG docker "\$USER"`, then log in again/,
    );
  });
});

/** Root may open everything, so it becomes somebody else for a while. */
async function asOrdinaryUser<T>(work: () => Promise<T>): Promise<T> {
  const { seteuid } = process;
  if (process.geteuid?.() !== 0 || seteuid === undefined) return work();
  seteuid(USER);
  try {
    return await work();
  } finally {
    seteuid(0);
  }
}

describe('which engine is taken', () => {
  const docker = () => join(folder, 'h/.docker/run/docker.sock');
  const podman = () => join(folder, 'run/podman/podman.sock');

  it('Docker before Podman with auto, also where Podman serves the place that is looked at first', async () => {
    await serve(podman(), PODMAN);
    await serve(join(folder, 'var/run/docker.sock'), PODMAN);
    expect((await findEngine(places('linux'), 'auto')).engine).toBe('podman');
    await serve(docker(), DOCKER);
    expect(await findEngine(places('linux'), 'auto')).toEqual({ engine: 'docker', socketPath: docker() });
    expect(await findEngine(places('linux'), 'podman')).toEqual({ engine: 'podman', socketPath: podman() });
  });

  it.each(['DOCKER_HOST', 'CONTAINER_HOST'])('what %s names before the usual places', async (name) => {
    await serve(docker(), DOCKER);
    const named = await serve(join(folder, 'named.sock'), PODMAN);
    const where = places('linux', { [name]: `unix://${named}` });
    expect(await findEngine(where, 'auto')).toEqual({ engine: 'podman', socketPath: named });
    expect(await findEngine(where, 'podman')).toEqual({ engine: 'podman', socketPath: named });
    expect(await findEngine(where, 'docker')).toEqual({ engine: 'docker', socketPath: docker() });
  });

  it('each by its own variable when both are set', async () => {
    const env = { DOCKER_HOST: 'unix:///d.sock', CONTAINER_HOST: 'unix:///p.sock' };
    const first = (choice: EngineChoice) => socketPlaces(places('linux', env), choice)[0]?.path;
    expect([first('auto'), first('docker'), first('podman')]).toEqual(['/d.sock', '/d.sock', '/p.sock']);
  });

  it.each(['docker', 'podman'] as const)(
    'what DOCKER_SOCKET_PATH names and nothing else (%s)',
    async (choice) => {
      await serve(docker(), DOCKER);
      await serve(podman(), PODMAN);
      const socketPath = join(folder, 'mine.sock');
      const where = { ...places('linux', { DOCKER_HOST: `unix://${docker()}` }), socketPath };
      expect(await messageOf(where, choice)).toContain(
        `Tried ${socketPath} (DOCKER_SOCKET_PATH): does not exist.`,
      );
      const [other, version] = choice === 'docker' ? ['podman', PODMAN] : ['docker', DOCKER];
      await serve(socketPath, version);
      expect(await findEngine(where, 'auto')).toEqual({ engine: other, socketPath });
      expect(await messageOf(where, choice)).toMatch(`AA_RUNTIME=${choice} asks for`);
      expect(await messageOf(where, choice)).toMatch(/^wrong_engine/);
    },
  );

  it("the system's Podman before the user's own for root", () => {
    const first = (uid: number) => socketPlaces({ ...places('linux'), uid }, 'podman')[0]?.path;
    expect(first(0)).toBe(`${folder}/run/podman/podman.sock`);
    expect(first(7)).toBe(`${folder}/run/user/7/podman/podman.sock`);
  });
});

describe('a DOCKER_SOCKET_PATH that does not serve', () => {
  const mine = () => join(folder, 'mine.sock');
  const correct = /Correct DOCKER_SOCKET_PATH, or start the engine that makes this socket\.$/;

  it.each<[string, RegExp, () => unknown]>([
    ['nothing', /does not exist/, () => {}],
    ['a folder', /is a folder, not a socket/, () => mkdirSync(mine())],
    ['a file', /is a file, not a socket/, () => writeFileSync(mine(), '')],
  ])('and names %s is to be corrected', async (_, reason, make) => {
    make();
    const message = await messageOf({ ...places('linux'), socketPath: mine() }, 'auto');
    expect(message).toMatch(/^no_socket: /);
    expect(message).toMatch(reason);
    expect(message).toMatch(correct);
  });

  it('and where nobody listens asks for the engine that listened', async () => {
    await leaveDeadSocket(mine());
    const message = await messageOf({ ...places('linux'), socketPath: mine() }, 'auto');
    expect(message).toMatch(
      /^unavailable: .*Start the engine that listens there, or correct DOCKER_SOCKET_PATH\.$/,
    );
  });

  it('and where another engine answers asks for no third one', async () => {
    await serve(mine(), PODMAN);
    const message = await messageOf({ ...places('linux'), socketPath: mine() }, 'docker');
    expect(message).toMatch(
      /\. Set AA_RUNTIME=podman to use what answers, or name another socket in DOCKER_SOCKET_PATH\.$/,
    );
  });
});

describe('when none serves', () => {
  it('each place is told with what was wrong there, no secret is, and the cure', async () => {
    await listen(
      join(folder, 'var/run/docker.sock'),
      createServer((socket) => socket.end('220 mail ready\r\n')),
    );
    await serve(join(folder, 'h/.rd/docker.sock'), ['no engine']);
    const env = {
      DOCKER_HOST: 'tcp://user:secret@far:2375',
      CONTAINER_HOST: 'ssh://core@vm/run/podman.sock',
    };
    const message = await messageOf(places('linux', env), 'auto');
    expect(message).toContain('DOCKER_HOST=tcp://far:2375: not a unix socket, skipped');
    expect(message).toContain('CONTAINER_HOST=ssh://vm/run/podman.sock: not a unix socket, skipped');
    expect(message).toMatch(/var\/run\/docker\.sock \(usual for Docker\): .*(Parse|HPE|Expected|HTTP)/i);
    expect(message).toContain(
      '.rd/docker.sock (usual for Docker): what answers there is no container engine',
    );
    expect(message).not.toContain('secret');
    for (const { path } of socketPlaces(places('linux', env), 'auto')) expect(message).toContain(path);
    expect(message).toMatch(
      /Start one \(`npm run setup` does\), or name its socket in DOCKER_SOCKET_PATH\.$/,
    );
  });

  it('what accepts and never answers is not waited for', async () => {
    for (const below of ['var/run/docker.sock', 'run/podman/podman.sock'])
      await listen(
        join(folder, below),
        createServer((socket) => socket.on('error', () => {})),
      );
    const begun = Date.now();
    expect(await messageOf(places('linux'), 'auto')).toContain('did not answer within 2000 ms');
    expect(Date.now() - begun).toBeLessThan(3500);
  });

  it('a Docker at its own place is no fault of who wants Podman', async () => {
    await serve(join(folder, 'var/run/docker.sock'), DOCKER);
    expect(await messageOf(places('linux'), 'podman')).toMatch(/^unavailable: No Podman engine answers/);
  });
});
