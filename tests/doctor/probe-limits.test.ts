import { describe, expect, it } from 'vitest';
import type { ImageInfo, RuntimeInfo } from '../../src/core/container-runtime.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { createSandboxes } from '../../src/core/sandboxes.ts';
import { createLimitProbe, toEnforced } from '../../src/doctor/probe-limits.ts';
import { createFakeRuntime, type FakeProgram } from '../../src/runtimes/fake/index.ts';

const IMAGE: ImageInfo = { id: 'sha256:1' };
const FORKED = 'forked 126\nrefused 126\n';
const GOOD = [
  'user 1 1',
  `capabilities ${Array(5).fill('0000000000000000').join(' ')}`,
  'new_privileges 1',
  'seccomp 2',
  'root_file_system ro',
  'nofile 4096',
  'fsize 2147483648',
  'core 0',
  'kernel 6.0',
  'network lo',
  'connected no ENETUNREACH',
  'tmp 67108864',
  'quota 20000',
  'cpu 0.21',
  '',
].join('\n');
const ALL = { network: true, cpu: true, pids: true, memory: true };

/** Counts measurements; what it finds is what its first program prints and how that ends. The second finds the limit of processes. */
function setUp(report: string, end: 'oom' | 'killed' | 'exited' = 'oom') {
  let measured = 0;
  const program: FakeProgram = async (process) => {
    if (process.spec.args[2]?.includes('os.fork()')) {
      await process.write('stdout', report === '' ? '' : FORKED);
      return 0;
    }
    measured += 1;
    await process.write('stdout', report);
    if (report === 'no python3') return 127;
    return end === 'exited' ? 0 : { exitCode: 137, oomKilled: end === 'oom' };
  };
  const runtime = createFakeRuntime({ program });
  const kept = new Map<string, unknown>();
  const facts = {
    read: async (name: string) => kept.get(name),
    write: async (name: string, value: unknown) => void kept.set(name, value),
  };
  const sandboxes = createSandboxes({ runtime, instanceId: 'i', logger: silentLogger });
  const user = { uid: 1, gid: 1 };
  const options = { runtime, sandboxes, image: 'aa-worker:latest', ociRuntime: undefined, user, facts };
  const start = () => {
    const measure = createLimitProbe({ ...options, logger: silentLogger });
    return async (info: RuntimeInfo, found: ImageInfo) => toEnforced(await measure(info, found));
  };
  return { start, runtime, kept, measured: () => measured };
}

describe('what the probe found', () => {
  it('is kept over a restart', async () => {
    const { start, runtime, measured } = setUp(GOOD);
    const info = await runtime.info();
    expect(await start()(info, IMAGE)).toEqual(ALL);
    expect(await start()(info, IMAGE)).toEqual(ALL);
    expect(measured()).toBe(1);
    expect(runtime.specs()).toEqual([]);
  });

  it.each([
    ['kernel', { kernelVersion: '7' }, IMAGE],
    ['engine', { version: '9' }, IMAGE],
    ['cgroup version', { cgroupVersion: 1 }, IMAGE],
    ['OCI runtime', { defaultOciRuntime: 'runsc' }, IMAGE],
    ['image', {}, { id: 'sha256:2' }],
  ] as const)('is measured again when the %s changes', async (_, change: Partial<RuntimeInfo>, image) => {
    const { start, runtime, measured } = setUp(GOOD);
    const info = await runtime.info();
    await start()(info, IMAGE);
    await start()({ ...info, ...change }, image);
    expect(measured()).toBe(2);
  });

  it('is measured again at the next start where a limit did not bite', async () => {
    const { start, runtime, measured } = setUp(GOOD, 'exited');
    const info = await runtime.info();
    const probe = start();
    expect(await probe(info, IMAGE)).toEqual({ ...ALL, memory: false });
    expect(await probe(info, IMAGE)).toEqual({ ...ALL, memory: false });
    expect(measured()).toBe(1);
    await start()(info, IMAGE);
    expect(measured()).toBe(2);
  });

  it('is measured again where what an earlier version kept is read', async () => {
    const { start, runtime, measured, kept } = setUp(GOOD);
    const info = await runtime.info();
    await start()(info, IMAGE);
    const { key } = kept.get('limits.json') as { key: string };
    kept.set('limits.json', { key, enforced: ALL });
    expect(await start()(info, IMAGE)).toEqual(ALL);
    expect(measured()).toBe(2);
  });

  it('counts what was not reported as not enforced', async () => {
    const { start, runtime } = setUp('', 'exited');
    const none = { network: false, cpu: false, pids: false, memory: false };
    expect(await start()(await runtime.info(), IMAGE)).toEqual(none);
  });

  it.each([
    ['at taking memory is the memory limit', GOOD, true],
    ['before that is none', 'network lo\n', false],
    ['after that is none', `${GOOD}memory 402653184\n`, false],
  ])('a kill %s, whatever the engine calls it', async (_, report, memory) => {
    const { start, runtime } = setUp(report, 'killed');
    expect(await start()(await runtime.info(), IMAGE)).toMatchObject({ memory });
  });

  it('is nothing where the image can’t measure', async () => {
    const { start, runtime } = setUp('no python3');
    const found = start()(await runtime.info(), IMAGE);
    await expect(found).rejects.toMatchObject({ code: 'misconfigured' });
    expect(runtime.specs()).toEqual([]);
  });
});
