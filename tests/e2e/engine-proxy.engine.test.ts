import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ComposeProject,
  type ComposeTool,
  expectDown,
  leftoversOf,
  makeComposeProject,
  TOOLS,
  waitForReadyz,
} from '../support/compose-project.ts';
import { callEngine, rememberEngine, titleFor, waitForContainers } from '../support/engine.ts';
import { instanceIdOf } from '../support/instance-id.ts';
import { LONG } from '../support/rounds.ts';
import { withReason } from '../support/skips.ts';

const FILES = ['docker-compose.yml', 'docker-compose.proxy.yml'];

/** What is asked of the engine from inside the service's container, and the answer's status. */
const REQUESTS = [
  ['GET', '/_ping', 200],
  ['GET', '/v1.41/version', 200],
  ['GET', '/containers/nonesuch/json', 404],
  ['POST', '/containers/nonesuch/start', 404],
  ['POST', '/containers/nonesuch/exec', 403],
  ['GET', '/containers/nonesuch/archive?path=/', 403],
  ['POST', '/build', 403],
  ['POST', '/images/create?fromImage=x', 403],
  ['GET', '/images/json', 403],
  ['DELETE', '/images/aa-worker:latest', 403],
  ['GET', '/images/../volumes/x/json', 403],
  ['GET', '/containers/%2e%2e/json', 403],
  ['GET', '/volumes', 403],
  ['POST', '/networks/create', 403],
  ['GET', '/events', 403],
] as const;

const ASK = `const http = require('node:http');
const ask = ([method, path]) => new Promise((resolve, reject) =>
  http.request({ socketPath: process.env.DOCKER_SOCKET_PATH, method, path }, (answer) => {
    answer.resume();
    resolve(answer.statusCode);
  }).on('error', reject).end());
Promise.all(JSON.parse(process.argv[1]).map(ask)).then((all) => console.log('STATUS', JSON.stringify(all)));`;

interface Answer {
  readonly outcome: string;
  readonly exitCode: number;
  readonly artifacts: { readonly outputs: Readonly<Record<string, string>> };
}

interface Inspected {
  readonly Config: { readonly Labels: Readonly<Record<string, string>> };
  readonly Mounts: readonly { readonly Destination: string; readonly Type: string }[];
}

/** Podman's turn comes with the long tests: its attach goes through the same proxy, and starting it all takes a while. */
const isNow = (tool: ComposeTool): boolean => tool.engine.name === 'docker' || LONG;

describe.each(TOOLS)('the engine proxy, by $program', (tool) => {
  const title = withReason(
    titleFor('in front of the socket', tool),
    isNow(tool) ? undefined : 'needs `npm run test:long`',
  );
  describe.skipIf(tool.obstacle !== undefined || !isNow(tool))(title, () => describeProxy(tool));
});

function describeProxy(tool: ComposeTool): void {
  let project: ComposeProject;

  beforeAll(async () => {
    project = await makeComposeProject(tool, FILES);
    await project.build();
    await project.compose('up', '-d');
    await waitForReadyz(project.url, 200);
  });
  afterAll(() => project.remove());

  async function execute(code: string, timeoutMs: number): Promise<Answer> {
    const key = readFileSync(join(project.storageRoot, '.supervisor', 'api-key'), 'utf8').trim();
    const response = await fetch(`${project.url}/run`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ sessionId: 'proxy', language: 'bash', code, timeoutMs }),
    });
    return (await response.json()) as Answer;
  }

  it('lets runs through, their output by attach in full and its order', async () => {
    const code = 'echo begun; sleep 2; seq 200000; echo oops >&2; exit 3';
    const answer = await execute(code, 30_000);
    expect(answer.exitCode).toBe(3);
    const text = async (name: string) => (await fetch(answer.artifacts.outputs[name] ?? '')).text();
    const numbers = Array.from({ length: 200_000 }, (_, index) => `${index + 1}\n`).join('');
    expect(await text('stdout')).toBe(`begun\n${numbers}`);
    expect(await text('stderr')).toBe('oops\n');
  });

  it('lets a run that takes too long be killed, and its container be removed', async () => {
    const instanceId = instanceIdOf(project.storageRoot);
    rememberEngine(instanceId, tool.engine);
    expect((await execute('trap "" TERM; sleep 60', 1000)).outcome).toBe('timed_out');
    await waitForContainers(instanceId, 0, 10_000);
  });

  it('refuses every other route, and the service has no other way to the engine', async () => {
    const asked = JSON.stringify(REQUESTS.map(([method, path]) => [method, path]));
    const printed = await project.compose('exec', '-T', 'supervisor', 'node', '-e', ASK, asked);
    const statuses = JSON.parse(/STATUS (.*)/.exec(printed)?.[1] ?? '[]') as number[];
    const seen = REQUESTS.map(([method, path], index) => [method, path, statuses[index]]);
    expect(seen).toEqual(REQUESTS.map((row) => [...row]));
    const ids = await leftoversOf(tool.engine, project.name, 'containers');
    const all = (await Promise.all(
      ids.map((id) => callEngine(tool.engine, 'GET', `/containers/${id}/json`)),
    )) as Inspected[];
    const mine = all.find(({ Config }) => Config.Labels['com.docker.compose.service'] === 'supervisor');
    const sockets = mine?.Mounts.filter(({ Destination }) => Destination.endsWith('.sock'));
    expect(sockets).toMatchObject([{ Destination: '/var/run/docker.sock', Type: 'volume' }]);
  });

  it('goes down in time and leaves what its compose program leaves', async () => {
    const begun = performance.now();
    await project.compose('down', '-v');
    expect(performance.now() - begun).toBeLessThan(9000);
    await expectDown(tool.engine, project.name);
  });
}
