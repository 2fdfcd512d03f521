import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComposeProject, makeComposeProject, TOOLS, waitForReadyz } from '../support/compose-project.ts';
import { titleFor } from '../support/engine.ts';

const KEY = 'a-key-of-24-characters-or-more';
const FAULT = 'fault.yml';

const tool = TOOLS.find(({ program }) => program === 'docker-compose') ?? TOOLS[0];
if (tool === undefined) throw new Error('no compose program is known');
const title = titleFor('a container that is set up wrongly says the cure', tool);

describe.skipIf(tool.obstacle !== undefined)(title, () => {
  let project: ComposeProject;

  beforeAll(async () => {
    project = await makeComposeProject(tool, ['docker-compose.yml', FAULT]);
    fault({});
    await project.build();
  });
  afterAll(() => project.remove());

  function fault(changes: { environment?: Record<string, string>; volumes?: readonly string[] }): void {
    const environment = { AA_API_KEYS: `tester:${KEY}`, ...changes.environment };
    // YAML holds JSON.
    const supervisor = { environment, volumes: changes.volumes ?? [] };
    writeFileSync(join(project.folder, FAULT), JSON.stringify({ services: { supervisor } }));
  }

  /** Starts it so and waits until it knows what is wrong; resolves with what it tells its operator and its callers. */
  async function startWith(changes: Parameters<typeof fault>[0]) {
    fault(changes);
    await project.compose('up', '-d');
    await waitForReadyz(project.url, 503);
    const headers = { Authorization: `Bearer ${KEY}` };
    const readyz = await (await fetch(`${project.url}/readyz?verbose`, { headers })).text();
    const log = await project.compose('logs');
    await project.compose('rm', '-s', '-f');
    return { readyz, log };
  }

  it('can’t connect to the engine: nothing is at DOCKER_SOCKET_PATH on the host', async () => {
    const nothing = join(project.folder, 'nothing.sock');
    const { readyz, log } = await startWith({ volumes: [`${nothing}:/var/run/docker.sock`] });
    expect(readyz).toMatch(/does not answer: .*Correct DOCKER_SOCKET_PATH/);
    expect(log).toMatch(/docker\.sock \(DOCKER_SOCKET_PATH\): is a folder, not a socket/);
    rmSync(nothing, { recursive: true });
  });

  it('can’t connect to the engine: a socket is there, and nobody listens', async () => {
    const dead = join(project.folder, 'dead.sock');
    const script = `require('node:net').createServer().listen(${JSON.stringify(dead)}, () => console.log('up'))`;
    const listener = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(listener.stdout, 'data');
    listener.kill('SIGKILL');
    await once(listener, 'exit');
    const { readyz, log } = await startWith({ volumes: [`${dead}:/var/run/docker.sock`] });
    expect(readyz).toMatch(/does not answer .*: start it/);
    expect(log).toMatch(/exists, but nobody listens/);
  });

  it('worker can’t see its files: the storage folder has another path on the host', async () => {
    const inside = `/srv/${project.name}`;
    const { readyz } = await startWith({
      environment: { AA_STORAGE_PATH: inside },
      volumes: [`${project.storageRoot}:${inside}`],
    });
    expect(readyz).toMatch(/doesn't see the storage folder: AA_STORAGE_PATH must be the same path/);
  });

  it('worker can’t see its files: the same path on the host is another folder', async () => {
    const other = join(project.folder, 'other');
    mkdirSync(other);
    // What an earlier start has left there: the engine finds the path of a job's folder, and nothing of the job's in it.
    mkdirSync(join(project.storageRoot, 'aa-canary/job-canary/workspace'), { recursive: true });
    const { readyz } = await startWith({ volumes: [`${other}:${project.storageRoot}`] });
    expect(readyz).toMatch(/another folder .*mount it at its own path/);
  });

  it('worker image not found: the answer names the command that builds it', async () => {
    const { readyz } = await startWith({ environment: { AA_WORKER_IMAGE: 'aa-none:latest' } });
    expect(readyz).toMatch(/aa-none:latest .*docker build -t aa-none:latest worker/);
  });
});
