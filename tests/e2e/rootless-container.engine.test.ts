import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../../scripts/lib/image-build.js';
import { handOverImage } from '../../scripts/lib/image-hand-over.js';
import {
  copyProject,
  freePort,
  prepareBuild,
  run,
  toEngine,
  waitForReadyz,
} from '../support/compose-project.ts';
import { callEngine, DOCKER, PODMAN } from '../support/engine.ts';
import { type RootlessPodman, startRootlessPodman } from '../support/rootless-podman.ts';
import { LONG } from '../support/rounds.ts';
import { titleOf, withReason } from '../support/skips.ts';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.ts';
import { makeUser, type TestUser, userObstacle } from '../support/test-user.ts';

const TAG = `aatest-rootless-${crypto.randomUUID().slice(0, 8)}:latest`;
const obstacle = PODMAN.obstacle ?? userObstacle();
const title = withReason(
  titleOf('the service in a container of a rootless Podman', obstacle),
  LONG ? undefined : 'it copies images; needs `npm run test:long`',
);

describe.skipIf(obstacle !== undefined || !LONG)(title, () => {
  let user: TestUser;
  let podman: RootlessPodman;
  let folder: string;
  let storageRoot: string;
  let url: string;

  beforeAll(async () => {
    user = makeUser();
    folder = makeTemporaryFolder('rootless');
    storageRoot = user.makeFolder('storage');
    podman = await startRootlessPodman(user, process.env.AA_WORKER_IMAGE ?? 'aa-worker:latest');
    await giveImage();
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    await startContainer(port);
    await waitForReadyz(url, 200);
  }, 300_000);
  afterAll(async () => {
    await podmanProgram('rm', '--force', '--time=5', 'supervisor').catch(() => {});
    await podman?.close();
    user?.remove();
    removeFolder(folder);
  });

  /** Building needs a network of the engine's own, which a rootless one hasn't everywhere: Docker builds. */
  async function giveImage(): Promise<void> {
    const engine = toEngine(DOCKER);
    copyProject(folder);
    const args = await prepareBuild(DOCKER);
    const build = { engine, folder, dockerfile: 'Dockerfile', tag: TAG, args, labels: {}, logFolder: folder };
    await buildImage(build, () => {});
    await handOverImage(TAG, { from: engine, to: toEngine(podman.engine) });
    await callEngine(DOCKER, 'DELETE', `/images/${TAG}?force=true`);
  }

  /** As docker-compose.yml describes it, but on the host's network, for the same reason. */
  async function startContainer(port: number): Promise<void> {
    const settings = {
      HOST: '127.0.0.1',
      PORT: String(port),
      DOCKER_SOCKET_PATH: '/var/run/docker.sock',
      AA_STORAGE_PATH: storageRoot,
      // Without cgroup v2 a rootless engine can limit nothing.
      AA_ALLOW_UNENFORCED: 'cpu,memory,pids',
    };
    const options = [
      ...[
        '--network=host',
        '--read-only',
        '--tmpfs=/tmp',
        '--cap-drop=ALL',
        '--security-opt=no-new-privileges',
      ],
      ...['CHOWN', 'DAC_OVERRIDE', 'FOWNER'].map((capability) => `--cap-add=${capability}`),
      ...Object.entries(settings).map(([name, value]) => `--env=${name}=${value}`),
      `--volume=${podman.engine.socketPath}:/var/run/docker.sock`,
      `--volume=${storageRoot}:${storageRoot}`,
    ];
    await podmanProgram('run', '--detach', '--name=supervisor', ...options, `localhost/${TAG}`);
  }

  function podmanProgram(...args: readonly string[]) {
    const CONTAINER_HOST = `unix://${podman.engine.socketPath}`;
    return run('podman', args, { env: { PATH: process.env.PATH, HOME: user.home, CONTAINER_HOST } });
  }

  it('has programs read what was sent and write beside it, and all of it is its user’s own', async () => {
    const key = readFileSync(join(storageRoot, '.supervisor', 'api-key'), 'utf8').trim();
    const code = 'id -u; cat script.sh > copy.txt';
    const response = await fetch(`${url}/run`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ sessionId: 'r', language: 'bash', code }),
    });
    const answer = (await response.json()) as {
      exitCode: number;
      artifacts: { outputs: Record<string, string> };
    };
    expect(answer.exitCode).toBe(0);
    const text = async (name: string) => (await fetch(answer.artifacts.outputs[name] ?? '')).text();
    expect(await text('stdout')).toBe('10001\n');
    expect(await text('copy.txt')).toBe(code);
    expect(user.run(['find', storageRoot, '!', '-user', user.name])).toBe('');
  });
});
