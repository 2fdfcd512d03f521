import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerRuntime, ContainerSpec } from '../../src/core/container-runtime.ts';
import { createDockerRuntime } from '../../src/runtimes/docker/index.ts';
import { codeOf, gather } from '../contract/container-runtime/subject.ts';
import { sampleSpec } from '../support/sample-spec.ts';
import {
  CONTAINER_ID,
  type ScriptedEngine,
  type ScriptedEngineOptions,
  startScriptedEngine,
} from '../support/scripted-engine.ts';

const DEADLINE = 600;
const spec: ContainerSpec = sampleSpec();

let engine: ScriptedEngine;
let runtime: ContainerRuntime;

async function begin(options: ScriptedEngineOptions = {}): Promise<void> {
  engine = await startScriptedEngine(options);
  runtime = createDockerRuntime({ socketPath: engine.socketPath, deadlineMs: DEADLINE });
}

async function startRun() {
  const id = await runtime.create(spec);
  const [stdout, stderr] = [gather(), gather()];
  const { exited } = await runtime.start(id, { stdout, stderr });
  return { id, exited, stdout, stderr };
}

const asked = (route: string): number => engine.requests.filter((request) => request === route).length;

beforeEach(() => begin());
afterEach(async () => {
  await runtime.close();
  await engine.close();
});

describe('an engine that does not answer', () => {
  it.each([
    ['GET /version', () => runtime.info()],
    ['POST /containers/create', () => runtime.create(spec)],
    ['POST /containers/*/attach', () => startRun()],
    ['POST /containers/*/wait', () => startRun()],
    ['POST /containers/*/start', () => startRun()],
    ['POST /containers/*/kill', () => runtime.kill(CONTAINER_ID, 'SIGKILL')],
    ['DELETE /containers/*', () => runtime.remove(CONTAINER_ID)],
    ['GET /containers/*/json', () => runtime.inspect(CONTAINER_ID)],
    ['GET /containers/json', () => runtime.list({ labels: {} })],
  ])('ends %s within the deadline as unavailable', async (route, call) => {
    if (route !== 'GET /version') await runtime.info();
    engine.script(route, 'silence', 'silence', 'silence');
    const before = Date.now();
    expect(await codeOf(call())).toBe('unavailable');
    expect(Date.now() - before).toBeLessThan(DEADLINE * 2);
  });

  it('is unavailable when the answer breaks off within its body', async () => {
    engine.script('GET /containers/*/json', 'torn');
    expect(await codeOf(runtime.inspect(CONTAINER_ID))).toBe('unavailable');
  });

  it('is unavailable without a socket, and found once there is one', async () => {
    await engine.die();
    expect(await codeOf(runtime.info())).toBe('unavailable');
    await engine.revive();
    expect((await runtime.info()).version).toBe('99.0');
  });
});

describe('another engine', () => {
  it.each(['info', 'create', 'list'] as const)('is refused when Podman answers (%s)', async (verb) => {
    await engine.close();
    await begin({ components: ['Podman Engine', 'Conmon'] });
    const calls = {
      info: () => runtime.info(),
      create: () => runtime.create(spec),
      list: () => runtime.list({ labels: {} }),
    };
    expect(await codeOf(calls[verb]())).toBe('wrong_engine');
    expect(asked('POST /containers/create')).toBe(0);
  });

  it('is refused when what answers is no engine at all', async () => {
    engine.script('GET /version', { status: 200, body: [] });
    expect(await codeOf(runtime.info())).toBe('wrong_engine');
  });
});

describe('create', () => {
  it('rejects and removes when the engine drops a limit', async () => {
    await engine.close();
    await begin({
      warnings: ['Your kernel does not support swap limit capabilities. Limitation discarded.'],
    });
    expect(await codeOf(runtime.create(spec))).toBe('limit_discarded');
    expect(asked('DELETE /containers/*')).toBe(1);
  });

  it('takes the loss of a limit that the spec gives up, and of no other', async () => {
    await engine.close();
    await begin({
      warnings: ['Your kernel does not support memory limit capabilities. Limitation discarded.'],
    });
    expect(await runtime.create({ ...spec, mayDiscard: ['memory'] })).toBe(CONTAINER_ID);
    expect(await codeOf(runtime.create({ ...spec, mayDiscard: ['cpu', 'pids'] }))).toBe('limit_discarded');
  });

  it('takes a warning that names no limit', async () => {
    await engine.close();
    await begin({ warnings: ['IPv4 forwarding is disabled. Networking will not work.'] });
    expect(await runtime.create(spec)).toBe(CONTAINER_ID);
  });

  it('takes another name when its own is taken', async () => {
    engine.script('POST /containers/create', {
      status: 409,
      body: { message: 'Conflict. The container name "/x" is already in use' },
    });
    expect(await runtime.create(spec)).toBe(CONTAINER_ID);
    expect(asked('POST /containers/create')).toBe(2);
  });

  it('takes away what it may have made when the answer is lost', async () => {
    engine.script('POST /containers/create', 'reset');
    expect(await codeOf(runtime.create(spec))).toBe('unavailable');
    await expect.poll(() => asked('DELETE /containers/*')).toBe(1);
    expect(asked('POST /containers/create')).toBe(1);
  });
});

describe('start', () => {
  it('tells an engine that fails from a program that can not be executed', async () => {
    engine.script('POST /containers/*/start', {
      status: 500,
      body: { message: 'cgroups: no space left on device' },
    });
    expect(await codeOf(startRun())).toBe('engine_failed');
    const words =
      'OCI runtime create failed: runc create failed: unable to start container process: exec: "nope": executable file not found in $PATH: unknown';
    engine.script('POST /containers/*/start', {
      status: 400,
      body: { message: `failed to create shim task: ${words}` },
    });
    const { exited } = await startRun();
    expect(await exited).toMatchObject({ exitCode: 127, oomKilled: false, outputComplete: true });
  });

  it('rejects with conflict when the engine says that it was started already', async () => {
    engine.script('POST /containers/*/start', { status: 304 });
    expect(await codeOf(startRun())).toBe('conflict');
  });
});

describe('a run', () => {
  it('asks no more of the engine than the bare sequence does', async () => {
    await runtime.create(spec);
    const before = engine.requests.length;
    const { id, exited } = await startRun();
    engine.exit(0);
    await exited;
    await runtime.remove(id);
    expect(engine.requests.slice(before).sort()).toEqual([
      'DELETE /containers/*',
      'GET /containers/*/json',
      'POST /containers/*/attach',
      'POST /containers/*/start',
      'POST /containers/*/wait',
      'POST /containers/create',
    ]);
  });

  it.each([-1, 0])('goes on when wait answers %i early: only the record decides', async (statusCode) => {
    const { exited, stdout } = await startRun();
    engine.frame(1, 'a');
    engine.answerWaits(statusCode);
    await sleep(100);
    engine.frame(1, 'b');
    await stdout.saw('ab');
    engine.exit(7);
    expect(await exited).toMatchObject({ exitCode: 7, outputComplete: true });
  });

  it('attaches again when its output breaks, and says that bytes may be missing', async () => {
    const { exited, stdout } = await startRun();
    engine.frame(1, 'before ');
    await stdout.saw('before');
    engine.cutAttach();
    await expect.poll(() => asked('POST /containers/*/attach'), { timeout: 3000 }).toBe(2);
    await sleep(50);
    engine.frame(1, 'after');
    await stdout.saw('after');
    engine.exit(0);
    expect(await exited).toMatchObject({ exitCode: 0, outputComplete: false });
    expect(stdout.bytes().toString()).toBe('before after');
  });

  it('goes on when only the wait breaks', async () => {
    const { exited } = await startRun();
    engine.cutWaits();
    await expect.poll(() => asked('POST /containers/*/wait')).toBe(2);
    engine.exit(3);
    expect(await exited).toMatchObject({ exitCode: 3, outputComplete: true });
  });

  it('says that bytes are missing when the output ends within a frame', async () => {
    const { exited, stdout } = await startRun();
    engine.raw(Buffer.of(1, 0, 0, 0, 0, 0, 0, 9, 104, 105));
    await stdout.saw('hi');
    engine.exit(0);
    expect(await exited).toMatchObject({ exitCode: 0, outputComplete: false });
  });

  it('keeps the words of the engine out of the output', async () => {
    const { exited, stdout, stderr } = await startRun();
    engine.frame(1, 'x');
    engine.frame(3, 'the daemon is sorry');
    engine.frame(2, 'y');
    await stderr.saw('y');
    engine.exit(0);
    expect(await exited).toMatchObject({ outputComplete: false });
    expect([stdout.bytes().toString(), stderr.bytes().toString()]).toEqual(['x', 'y']);
  });

  it('rejects within a bound when the engine goes away and stays away', async () => {
    const { exited, stdout } = await startRun();
    engine.frame(1, 'kept');
    await stdout.saw('kept');
    const before = Date.now();
    await engine.die();
    expect(await codeOf(exited)).toBe('unavailable');
    expect(Date.now() - before).toBeLessThan(DEADLINE * 3);
    expect(stdout.bytes().toString()).toBe('kept');
  });

  it.each([
    [0, 'resolved'],
    [255, 'unavailable'],
    [137, 'unavailable'],
    [143, 'unavailable'],
  ])('after the absence of the engine takes exit code %i as %s', async (exitCode, answer) => {
    const { exited } = await startRun();
    await engine.die();
    engine.exit(exitCode);
    await sleep(100);
    await engine.revive();
    expect(await codeOf(exited)).toBe(answer);
  });

  it.each([
    [143, {}, 'unavailable'],
    [137, {}, 'unavailable'],
    [137, { OOMKilled: true }, 'resolved'],
    [0, {}, 'resolved'],
  ])(
    'of an engine that takes no new connections any more takes exit code %i %j as %s',
    async (code, record, answer) => {
      const { exited } = await startRun();
      engine.script('GET /_ping', 'reset');
      engine.exit(code, record);
      expect(await codeOf(exited)).toBe(answer);
    },
  );

  it('believes an end by a signal while the engine takes connections, and one that we brought about', async () => {
    const one = await startRun();
    engine.exit(143);
    expect(await one.exited).toMatchObject({ exitCode: 143 });
    expect(asked('GET /_ping')).toBe(1);
    await engine.close();
    await begin();
    const { id, exited } = await startRun();
    engine.script('GET /_ping', 'reset');
    await runtime.kill(id, 'SIGTERM');
    engine.exit(143);
    expect(await exited).toMatchObject({ exitCode: 143 });
  });

  it('rejects when somebody removed the container', async () => {
    const { exited } = await startRun();
    engine.script('GET /containers/*/json', { status: 404, body: { message: 'No such container' } });
    engine.exit(0);
    expect(await codeOf(exited)).toBe('not_found');
  });

  it('does not believe an exit code that no program has', async () => {
    const { exited } = await startRun();
    engine.exit(-1, { Error: 'lost' });
    expect(await codeOf(exited)).toBe('engine_failed');
  });

  it('ends as unavailable when the runtime is closed', async () => {
    const { exited } = await startRun();
    await runtime.close();
    expect(await codeOf(exited)).toBe('unavailable');
  });

  it('ends when the output stays open after the container', { timeout: 15_000 }, async () => {
    const { exited } = await startRun();
    engine.script('GET /containers/*/json', {
      status: 200,
      body: { State: { Status: 'exited', ExitCode: 0 } },
    });
    engine.answerWaits(0);
    expect(await exited).toMatchObject({ exitCode: 0, outputComplete: false });
  });
});

describe('remove and kill', () => {
  it('asks again while a removal is in progress or a mount is busy', async () => {
    engine.script(
      'DELETE /containers/*',
      { status: 409, body: { message: 'removal of container x is already in progress' } },
      { status: 500, body: { message: 'driver failed to remove root filesystem: device or resource busy' } },
      { status: 404, body: { message: 'No such container' } },
    );
    await runtime.remove(CONTAINER_ID);
    expect(asked('DELETE /containers/*')).toBe(3);
  });

  it('takes each way in which engines say that nothing runs', async () => {
    engine.script(
      'POST /containers/*/kill',
      { status: 409, body: { message: 'Container x is not running' } },
      { status: 404, body: { message: 'No such container: x' } },
      { status: 500, body: { message: 'Cannot kill container: x: Container x is not running' } },
    );
    for (let i = 0; i < 3; i += 1) await runtime.kill(CONTAINER_ID, 'SIGTERM');
    expect(asked('POST /containers/*/kill')).toBe(3);
  });
});
