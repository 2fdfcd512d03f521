import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContainerRuntime } from '../../src/core/container-runtime.ts';
import { createPodmanRuntime } from '../../src/runtimes/podman/index.ts';
import { describeLifecycle } from '../contract/container-runtime/lifecycle.ts';
import { describeOutput } from '../contract/container-runtime/output.ts';
import { codeOf, prepareExam } from '../contract/container-runtime/subject.ts';
import { run, send, textOf } from '../support/client.ts';
import { callEngine, PODMAN, waitForContainers } from '../support/engine.ts';
import { realPrograms } from '../support/real-programs.ts';
import { type RootlessPodman, startRootlessPodman } from '../support/rootless-podman.ts';
import { titleOf } from '../support/skips.ts';
import { launchService, type RunningService, startServiceProcess } from '../support/start-service.ts';
import { makeUser, type TestUser, userObstacle } from '../support/test-user.ts';

const IMAGE = process.env.AA_WORKER_IMAGE ?? 'aa-worker:latest';
const LIMITS = ['cpu', 'memory', 'pids'] as const;

const reason = PODMAN.obstacle ?? userObstacle();
const title = titleOf('a rootless Podman of an ordinary user', reason);

describe.skipIf(reason !== undefined)(title, () => {
  let user: TestUser;
  let podman: RootlessPodman;

  beforeAll(async () => {
    user = makeUser();
    podman = await startRootlessPodman(user, IMAGE);
  });
  afterAll(async () => {
    await podman?.close();
    user?.remove();
  });

  describe('the driver', () => {
    const exam = prepareExam(async () => ({
      runtime: givingUpLimits(createPodmanRuntime({ socketPath: podman.engine.socketPath })),
      image: IMAGE,
      imageLabels: await imageLabels(),
      isolates: false,
      programs: realPrograms,
      leftovers: async () => [],
    }));
    describeLifecycle(exam);
    describeOutput(exam);

    it('says that it is rootless, and refuses what it can not limit', async () => {
      const info = await exam.subject.runtime.info();
      expect(info.rootless).toBe(true);
      const lacking = LIMITS.filter((name) => !info.capabilities[name]);
      const runtime = createPodmanRuntime({ socketPath: podman.engine.socketPath });
      const made = runtime.create(exam.spec(realPrograms.exit(0)));
      if (lacking.length > 0) expect(await codeOf(made)).toBe('limit_discarded');
      else await runtime.remove(await made);
      await runtime.close();
    });
  });

  async function imageLabels(): Promise<Readonly<Record<string, string>>> {
    const image = await callEngine(podman.engine, 'GET', `/v4.0.0/libpod/images/${IMAGE}/json`);
    return (image as { Labels?: Record<string, string> | null }).Labels ?? {};
  }

  describe('the service', () => {
    let storageRoot: string;
    let service: RunningService;

    beforeAll(async () => {
      storageRoot = user.makeFolder('storage');
      const env = { AA_ALLOW_UNENFORCED: LIMITS.join(',') };
      service = await startServiceProcess({ storageRoot, engine: podman.engine, as: user, env });
    });
    afterAll(async () => {
      await service?.stop();
    });

    it('is not ready without leave where a limit does not bite, and names it and its cure', async () => {
      const { capabilities } = await (await fetch(`${service.url}/readyz?verbose`))
        .json()
        .then((body) => (body as { engine: { capabilities: Record<string, boolean> } }).engine);
      const refusing = launchService({
        storageRoot: user.makeFolder('refusing'),
        engine: podman.engine,
        as: user,
      });
      const answer = await (await fetch(`${await refusing.listening}/readyz`)).json();
      refusing.child.kill('SIGTERM');
      expect(await refusing.ended).toBe(0);
      const lacking = LIMITS.filter((name) => capabilities[name] === false);
      if (lacking.length === 0) return;
      const [problem] = (answer as { problems: { code: string; message: string }[] }).problems;
      expect(problem?.code).toBe('limits_not_enforced');
      for (const name of lacking) expect(problem?.message).toContain(name);
      expect(problem?.message).toMatch(/cgroup v1|Delegate=/);
    });

    it.each([
      ['python', 'open("out.txt", "w").write("made"); print("hello")'],
      ['node', 'require("fs").writeFileSync("out.txt", "made"); console.log("hello")'],
      ['bun', 'await Bun.write("out.txt", "made"); console.log("hello")'],
      ['bash', 'printf made > out.txt; echo hello'],
    ])('the main job in %s works', async (language, code) => {
      const files = [{ path: 'sub/in.txt', content: 'input' }];
      const answer = await run(service, { language, code, files, stdin: 'x' });
      expect(answer).toMatchObject({ outcome: 'exited', exitCode: 0 });
      expect(await textOf(answer, 'stdout')).toBe('hello\n');
      expect(await textOf(answer, 'out.txt')).toBe('made');
    });

    it('the program is runner inside, has no right, reads its stdin and writes where its inputs lie', async () => {
      const code =
        'cat; id -u; id -g; id -G; grep -E "^(CapEff|NoNewPrivs)" /proc/self/status; touch sub/in.txt && echo writable';
      const files = [{ path: 'sub/in.txt', content: 'input' }];
      const answer = await run(service, { language: 'bash', code, files, stdin: 'told\n' });
      expect(await textOf(answer, 'stdout')).toBe(
        'told\n10001\n10001\n10001\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nwritable\n',
      );
    });

    it('files and folders that the program closed to everybody are collected or told as skipped', async () => {
      const code = `mkdir -p locked/deep; echo inside > locked/deep/f; echo secret > closed; echo plain > plain
chmod 000 closed locked/deep locked; chmod 000 .`;
      const answer = await run(service, { language: 'bash', code });
      expect(answer).toMatchObject({ outcome: 'exited', exitCode: 0 });
      expect(await textOf(answer, 'plain')).toBe('plain\n');
      const told = [...Object.keys(answer.artifacts.outputs), ...answer.skipped.map((row) => row.name)];
      expect(told).toContain('closed');
      expect(told.some((path) => path.startsWith('locked'))).toBe(true);
    });

    it('a time-out and a client that goes away end the program, and nothing is left', async () => {
      const slow = { language: 'bash', code: 'echo begun; sleep 100', timeoutMs: 1000 };
      const late = await run(service, slow);
      expect(late.outcome).toBe('timed_out');
      expect(await textOf(late, 'stdout')).toBe('begun\n');
      const client = new AbortController();
      const request = send(service, { ...slow, timeoutMs: 60_000 }, { signal: client.signal });
      request.catch(() => {});
      await waitForContainers(service.instanceId, 1, 10_000);
      client.abort();
      await waitForContainers(service.instanceId, 0, 3000);
    });

    it('everything in the storage folder belongs to the user, who can remove it', async () => {
      await service.stop();
      const foreign = readdirSync(storageRoot, { recursive: true, encoding: 'utf8' }).filter(
        (path) => statSync(join(storageRoot, path), { throwIfNoEntry: false })?.uid !== user.uid,
      );
      expect(foreign).toEqual([]);
      user.run(['sh', '-c', `rm -rf ${storageRoot}/* ${storageRoot}/.[!.]*`]);
      expect(readdirSync(storageRoot)).toEqual([]);
    });
  });
});

/** The exam's specs ask for limits, which an engine on cgroup v1 can't give to an ordinary user. */
function givingUpLimits(runtime: ContainerRuntime): ContainerRuntime {
  return { ...runtime, create: (spec) => runtime.create({ ...spec, mayDiscard: LIMITS }) };
}
