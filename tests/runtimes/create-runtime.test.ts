import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import { createRuntime } from '../../src/runtimes/index.ts';
import { codeOf, gather } from '../contract/container-runtime/subject.ts';
import { sampleSpec } from '../support/sample-spec.ts';
import { type ScriptedEngine, startScriptedEngine } from '../support/scripted-engine.ts';

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const engineAt = async (components: readonly string[]): Promise<ScriptedEngine> => {
  const engine = await startScriptedEngine({ components });
  open.push(engine);
  return engine;
};

function build(kind: 'auto' | 'docker' | 'podman', socketPath: string) {
  const home = '/nowhere';
  const runtime = createRuntime({ kind, socketPath, env: {}, platform: 'linux', home, logger: silentLogger });
  open.push(runtime);
  return runtime;
}

describe('createRuntime', () => {
  it('needs no living engine, and finds one that comes later', async () => {
    const engine = await engineAt(['Engine']);
    await engine.die();
    const runtime = build('auto', engine.socketPath);
    expect(await codeOf(runtime.info())).toBe('no_socket');
    await engine.revive();
    expect((await runtime.info()).name).toBe('docker');
    expect(runtime.name).toBe('docker');
  });

  it('drives with auto whichever engine answers, and stays with it', async () => {
    const engine = await engineAt(['Podman Engine']);
    const runtime = build('auto', engine.socketPath);
    expect((await runtime.info()).name).toBe('podman');
    expect(runtime.name).toBe('podman');
    expect(engine.requests).toContain('GET /libpod/_ping');
    await engine.die();
    expect(await codeOf(runtime.info())).toBe('unavailable');
    await engine.revive();
    expect((await runtime.info()).name).toBe('podman');
  });

  it.each(['Engine', 'Podman Engine'])(
    'reads how a run on %s ended whose engine took its socket away and made a new one meanwhile',
    async (component) => {
      const engine = await engineAt([component]);
      const runtime = build('auto', engine.socketPath);
      const id = await runtime.create(sampleSpec());
      const { exited } = await runtime.start(id, { stdout: gather(), stderr: gather() });
      await engine.die();
      engine.exit(0);
      // Longer than the pause between two questions, so that the socket is looked for while it's gone.
      await sleep(1000);
      await engine.revive();
      expect(await exited).toMatchObject({ exitCode: 0 });
    },
  );

  it.each([
    ['docker', 'Podman Engine', 'podman'],
    ['podman', 'Engine', 'docker'],
  ] as const)(
    'refuses with %s to drive what says that it is a %s, and names the cure',
    async (kind, component, cure) => {
      const { socketPath } = await engineAt([component]);
      const error = await build(kind, socketPath)
        .info()
        .catch((cause: Error & { code?: string }) => cause);
      expect(error).toMatchObject({ code: 'wrong_engine' });
      expect(error).toMatchObject({ message: expect.stringContaining(`Set AA_RUNTIME=${cure}`) });
    },
  );

  it('is closed before it ever found an engine', async () => {
    const runtime = build('auto', '/nowhere/docker.sock');
    await runtime.close();
    await runtime.close();
    expect(await codeOf(runtime.info())).toBe('unavailable');
  });
});
