import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerRuntime, ContainerSpec } from '../../src/core/container-runtime.ts';
import { createPodmanRuntime } from '../../src/runtimes/podman/index.ts';
import { negotiateVersion } from '../../src/runtimes/podman/negotiate-version.ts';
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
  engine = await startScriptedEngine({ components: ['Podman Engine'], ...options });
  runtime = createPodmanRuntime({ socketPath: engine.socketPath, deadlineMs: DEADLINE });
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
    ['GET /libpod/_ping', () => runtime.info()],
    ['GET /info', () => runtime.info()],
    ['POST /containers/create', () => runtime.create(spec)],
    ['POST /containers/*/attach', () => startRun()],
    ['POST /containers/*/start', () => startRun()],
    ['POST /containers/*/kill', () => runtime.kill(CONTAINER_ID, 'SIGKILL')],
    ['DELETE /containers/*', () => runtime.remove(CONTAINER_ID)],
    ['GET /containers/*/json', () => runtime.inspect(CONTAINER_ID)],
    ['GET /containers/json', () => runtime.list({ labels: {} })],
  ])('ends %s within the deadline as unavailable', async (route, call) => {
    if (!/ping|info/.test(route)) await runtime.info();
    engine.script(route, 'silence', 'silence', 'silence');
    const before = Date.now();
    expect(await codeOf(call())).toBe('unavailable');
    expect(Date.now() - before).toBeLessThan(DEADLINE * 2.5);
  });

  it('is unavailable when the answer breaks off within its body', async () => {
    engine.script('GET /containers/*/json', 'torn');
    expect(await codeOf(runtime.inspect(CONTAINER_ID))).toBe('unavailable');
  });

  it('is unavailable without a socket, and found once there is one', async () => {
    await engine.die();
    expect(await codeOf(runtime.info())).toBe('unavailable');
    await engine.revive();
    expect((await runtime.info()).version).toBe('5.2.0');
  });
});

describe('which version is spoken', () => {
  it.each([
    ['4.3.1', '4.3.1'],
    ['4.9.4', '4.9.4'],
    ['5.6.0-dev', '5.6.0'],
    ['6.0.0', '5.0.0'],
  ])('of an engine with %s: %s', (offered, spoken) => {
    expect(negotiateVersion(offered)).toBe(spoken);
  });

  it.each([
    [undefined, 'not Podman'],
    ['3.4.4', 'Install Podman 4.3 or later'],
    ['4.2.0', 'Install Podman 4.3 or later'],
  ])('none of an engine with %s', (offered, words) => {
    expect(() => negotiateVersion(offered)).toThrow(words);
  });

  it.each(['info', 'create', 'list'] as const)('Docker is refused (%s)', async (verb) => {
    await engine.close();
    await begin({ components: ['Engine'] });
    const calls = {
      info: () => runtime.info(),
      create: () => runtime.create(spec),
      list: () => runtime.list({ labels: {} }),
    };
    expect(await codeOf(calls[verb]())).toBe('wrong_engine');
    expect(asked('POST /containers/create')).toBe(0);
  });
});

describe('limits that the engine can not set', () => {
  const ROOTLESS = { security: { rootless: true } };

  it.each([
    ['rootless under cgroup v1: none', { ...ROOTLESS, cgroupVersion: 'v1' }, []],
    [
      'rootless with two controllers delegated',
      { ...ROOTLESS, cgroupControllers: ['memory', 'pids'] },
      ['memory', 'pids'],
    ],
    ['rootful', {}, ['cpu', 'memory', 'pids']],
  ] as const)('%s', async (_, host, can) => {
    await engine.close();
    await begin({ host });
    const { capabilities } = await runtime.info();
    expect(Object.entries(capabilities).flatMap(([name, has]) => (has ? [name] : []))).toEqual(can);
    const lacking = (['cpu', 'memory', 'pids'] as const).filter(
      (name) => !(can as readonly string[]).includes(name),
    );
    if (lacking.length > 0) expect(await codeOf(runtime.create(spec))).toBe('limit_discarded');
    expect(await runtime.create({ ...spec, mayDiscard: lacking })).toBe(CONTAINER_ID);
    expect(asked('POST /containers/create')).toBe(1);
  });

  it('a warning that one was dropped ends the container', async () => {
    await engine.close();
    await begin({ warnings: ['Your kernel does not support swap limit capabilities'] });
    expect(await codeOf(runtime.create(spec))).toBe('limit_discarded');
    expect(asked('DELETE /containers/*')).toBe(1);
  });
});

describe('create', () => {
  it.each([
    ['an image that it does not hold', 'x: image not known', 'image_not_found'],
    ['a mount that it does not see', 'statfs /data/job: no such file or directory', 'mount_missing'],
    ['anything else', 'no space left on device', 'engine_failed'],
  ])('tells %s by the words of a 500', async (_, message, code) => {
    engine.script('POST /containers/create', { status: 500, body: { message, response: 500 } });
    expect(await codeOf(runtime.create(spec))).toBe(code);
  });

  it('takes another name when its own is taken', async () => {
    const message = 'creating container storage: the container name "x" is already in use by y';
    engine.script('POST /containers/create', { status: 500, body: { message } });
    expect(await runtime.create(spec)).toBe(CONTAINER_ID);
  });

  it('is tried again when two creates at once kept a rootless Podman from its subordinate ids, and not for ever', async () => {
    const noIds = {
      status: 500,
      body: { message: 'keep-id requires additional UIDs or GIDs defined in /etc/subuid' },
    };
    engine.script('POST /containers/create', noIds, noIds);
    expect(await runtime.create(spec)).toBe(CONTAINER_ID);
    engine.script('POST /containers/create', noIds, noIds, noIds, noIds, noIds);
    await expect(runtime.create(spec)).rejects.toThrow('keep-id requires');
    expect(engine.requests.filter((route) => route === 'POST /containers/create')).toHaveLength(8);
  });

  it('comes one at a time at a rootless Podman, which several at once may crash, and together at any other', async () => {
    const createTwo = async (): Promise<number> => {
      engine.script('POST /containers/create', 'silence');
      const mayDiscard = ['cpu', 'memory', 'pids'] as const;
      const [first, second] = [1, 2].map(() => runtime.create({ ...spec, mayDiscard }));
      const failed = expect(first).rejects.toMatchObject({ code: 'unavailable' });
      await sleep(DEADLINE / 3);
      const askedAtOnce = asked('POST /containers/create');
      await failed;
      expect(await second).toBe(CONTAINER_ID);
      return askedAtOnce;
    };
    expect(await createTwo()).toBe(2);
    await engine.close();
    await begin({ host: { security: { rootless: true }, cgroupVersion: 'v1' } });
    expect(await createTwo()).toBe(1);
  });

  it('takes no OCI runtime but the one that the engine is configured with, which takes another name silently', async () => {
    expect(await codeOf(runtime.create({ ...spec, ociRuntime: 'runsc' }))).toBe('runtime_unknown');
    expect(asked('POST /containers/create')).toBe(0);
    expect(await runtime.create({ ...spec, ociRuntime: 'crun' })).toBe(CONTAINER_ID);
  });
});

describe('a run', () => {
  it('that is short is waited for by its output alone; it asks no more than the bare sequence does', async () => {
    await runtime.create(spec);
    const before = engine.requests.length;
    const { id, exited } = await startRun();
    engine.exit(0);
    await exited;
    await runtime.remove(id);
    expect(engine.requests.slice(before)).toEqual([
      'POST /containers/create',
      'POST /containers/*/attach',
      'POST /containers/*/start',
      'GET /containers/*/json',
      'DELETE /containers/*',
    ]);
  });

  it('attaches, starts, and only then waits', async () => {
    const { exited } = await startRun();
    await expect.poll(() => asked('POST /containers/*/wait'), { timeout: 3000 }).toBe(1);
    const order = ['POST /containers/*/attach', 'POST /containers/*/start', 'POST /containers/*/wait'];
    expect(engine.requests.filter((request) => order.includes(request))).toEqual(order);
    engine.exit(0);
    expect(await exited).toMatchObject({ exitCode: 0, outputComplete: true });
  });

  it.each([-1, 0])('goes on when wait answers %i early: only the record decides', async (statusCode) => {
    const { exited, stdout } = await startRun();
    engine.frame(1, 'a');
    await expect.poll(() => asked('POST /containers/*/wait'), { timeout: 3000 }).toBe(1);
    engine.answerWaits(statusCode);
    await sleep(100);
    engine.frame(1, 'b');
    await stdout.saw('ab');
    engine.exit(7);
    expect(await exited).toMatchObject({ exitCode: 7, outputComplete: true });
  });

  it('goes on when only the wait breaks', async () => {
    const { exited } = await startRun();
    await expect.poll(() => asked('POST /containers/*/wait'), { timeout: 3000 }).toBe(1);
    engine.cutWaits();
    await expect.poll(() => asked('POST /containers/*/wait'), { timeout: 3000 }).toBe(2);
    engine.exit(3);
    expect(await exited).toMatchObject({ exitCode: 3, outputComplete: true });
  });

  it('never attaches a second time, and says that bytes may be missing', async () => {
    const { exited, stdout } = await startRun();
    engine.frame(1, 'before');
    await stdout.saw('before');
    engine.cutAttach();
    await sleep(1500);
    expect(asked('POST /containers/*/attach')).toBe(1);
    engine.exit(0);
    expect(await exited).toMatchObject({ exitCode: 0, outputComplete: false });
  });

  it('looks often once the output has ended, and waits again when the program runs on', async () => {
    const { exited } = await startRun();
    engine.endOutput();
    await expect.poll(() => asked('GET /containers/*/json')).toBeGreaterThan(4);
    await expect.poll(() => asked('POST /containers/*/wait'), { timeout: 4000 }).toBe(1);
    engine.exit(0);
    expect(await exited).toMatchObject({ exitCode: 0 });
  });

  it('tells why it could not be attached to', async () => {
    const message = 'crun: executable file `nope` not found in $PATH: No such file or directory';
    engine.script('POST /containers/*/attach', { status: 409 });
    engine.script('POST /containers/*/init', { status: 500, body: { message } });
    const { exited } = await startRun();
    expect(await exited).toMatchObject({ exitCode: 127 });
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

  it('rejects when somebody removed the container', async () => {
    const { exited } = await startRun();
    engine.script('GET /containers/*/json', { status: 404, body: { message: 'no such container' } });
    await expect.poll(() => asked('POST /containers/*/wait'), { timeout: 3000 }).toBe(1);
    engine.exit(0);
    expect(await codeOf(exited)).toBe('not_found');
  });

  it('rejects as well when the container goes while its record is looked up, which is a 500', async () => {
    const { exited } = await startRun();
    const message = 'container x does not exist in database: no such container';
    engine.script('GET /containers/*/json', { status: 500, body: { message } });
    engine.exit(0);
    expect(await codeOf(exited)).toBe('not_found');
  });

  it('ends as unavailable when the runtime is closed', async () => {
    const { exited } = await startRun();
    await runtime.close();
    expect(await codeOf(exited)).toBe('unavailable');
  });
});

describe('remove and kill', () => {
  it('asks again while the container is about to end', async () => {
    const body = { message: 'cannot remove container x as it is stopping: container state improper' };
    engine.script(
      'DELETE /containers/*',
      { status: 500, body },
      { status: 409, body },
      { status: 404, body: {} },
    );
    await runtime.remove(CONTAINER_ID);
    expect(asked('DELETE /containers/*')).toBe(3);
  });

  it('takes each way in which the engine says that nothing runs', async () => {
    const body = {
      message: 'can only kill running containers. x is in state exited: container state improper',
    };
    engine.script(
      'POST /containers/*/kill',
      { status: 409, body },
      { status: 500, body },
      { status: 404, body },
    );
    for (let i = 0; i < 3; i += 1) await runtime.kill(CONTAINER_ID, 'SIGTERM');
    expect(asked('POST /containers/*/kill')).toBe(3);
  });
});
