import { afterEach, describe, expect, it, vi } from 'vitest';
import { RuntimeError } from '../../src/core/container-runtime.ts';
import { createEngineGate, type EnforcedLimits, type EngineGateOptions } from '../../src/core/engine-gate.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { createFakeRuntime } from '../../src/runtimes/fake/index.ts';

const ALL: EnforcedLimits = { cpu: true, memory: true, pids: true, network: true };

function open(options: Partial<EngineGateOptions> & { enforced?: EnforcedLimits } = {}) {
  const runtime = createFakeRuntime();
  const probeLimits = vi.fn(async () => options.enforced ?? ALL);
  const gate = createEngineGate({
    runtime,
    image: 'aa-worker:latest',
    ociRuntime: undefined,
    allowUnenforced: [],
    probeStorage: async () => {},
    probeLimits,
    logger: silentLogger,
    ...options,
  });
  return { gate, runtime, probeLimits };
}

afterEach(() => void vi.useRealTimers());

describe('the gate', () => {
  it('opens when engine, image and limits are there', async () => {
    const { gate } = open();
    await gate.pass();
    expect(await gate.status()).toEqual({ info: expect.objectContaining({ name: 'fake' }) });
  });

  it('once open costs a job no call', async () => {
    const { gate, runtime } = open();
    await gate.pass();
    runtime.goAway();
    await gate.pass();
  });

  it('callers at the same time share one attempt', async () => {
    const { gate, probeLimits } = open();
    await Promise.all(Array.from({ length: 50 }, () => gate.pass()));
    expect(probeLimits).toHaveBeenCalledTimes(1);
  });

  it('shut: each knock tries again, and it opens when the engine is back', async () => {
    const { gate, runtime } = open();
    runtime.goAway();
    await expect(gate.pass()).rejects.toMatchObject({ code: 'engine_unavailable' });
    await expect(gate.pass()).rejects.toMatchObject({ code: 'engine_unavailable' });
    runtime.comeBack();
    await gate.pass();
  });

  it('a suspicion has the engine asked again', async () => {
    const { gate, runtime } = open();
    await gate.pass();
    gate.suspect();
    runtime.goAway();
    await expect(gate.pass()).rejects.toMatchObject({ code: 'engine_unavailable' });
  });

  it('status asks at most once a second, and sees an engine that went', async () => {
    vi.useFakeTimers();
    const { gate, runtime } = open();
    const info = vi.spyOn(runtime, 'info');
    await gate.status();
    await gate.status();
    expect(info).toHaveBeenCalledTimes(1);
    runtime.goAway();
    await vi.advanceTimersByTimeAsync(1001);
    expect((await gate.status()).problem).toMatchObject({ code: 'engine_unavailable' });
  });

  it('says the missing image with the command that builds it, and which engine was asked', async () => {
    const { gate } = open({ image: 'aa-worker:other' });
    const { info, problem } = await gate.status();
    expect(info?.name).toBe('fake');
    expect(problem).toMatchObject({ code: 'image_unavailable' });
    expect(problem?.message).toContain('docker build -t aa-worker:other worker');
  });

  it('says an OCI runtime that the engine does not have', async () => {
    await expect(open({ ociRuntime: 'runsc' }).gate.pass()).rejects.toMatchObject({ code: 'misconfigured' });
    await open({ ociRuntime: 'fake' }).gate.pass();
  });

  it.each(['cpu', 'memory', 'pids'] as const)(
    'refuses while %s does not bite, unless that is allowed',
    async (limit) => {
      const enforced = { ...ALL, [limit]: false };
      const { gate } = open({ enforced });
      const { problem } = await gate.status();
      expect(problem).toMatchObject({ code: 'limits_not_enforced', status: 503 });
      expect(problem?.message).toContain(`AA_ALLOW_UNENFORCED=${limit}`);
      await open({ enforced, allowUnenforced: [limit] }).gate.pass();
    },
  );

  it('never lets a run reach a network', async () => {
    const enforced = { ...ALL, network: false };
    const { gate } = open({ enforced, allowUnenforced: ['cpu', 'memory', 'pids'] });
    const { problem } = await gate.status();
    expect(problem?.code).toBe('limits_not_enforced');
    expect(problem?.message).not.toContain('AA_ALLOW_UNENFORCED');
  });

  it.each(['probeLimits', 'probeStorage'])('a %s that fails is a reason to stay shut', async (name) => {
    const fail = async (): Promise<never> => {
      throw new RuntimeError('mount_missing', 'x');
    };
    await expect(open({ [name]: fail }).gate.pass()).rejects.toMatchObject({ code: 'misconfigured' });
  });

  it.each([
    [{ rootless: false }, 'enable these cgroup controllers for the engine'],
    [{ rootless: true, cgroupVersion: 1 as const }, 'a rootless engine can limit nothing under cgroup v1'],
    [
      { rootless: true, cgroupVersion: 2 as const },
      '"Delegate=cpu cpuset io memory pids" into /etc/systemd/system/user@.service.d/delegate.conf',
    ],
  ])('with %j names the limit that does not bite and its cure', async (info, cure) => {
    const { gate } = open({ runtime: createFakeRuntime({ info }), enforced: { ...ALL, cpu: false } });
    const { problem } = await gate.status();
    expect(problem?.code).toBe('limits_not_enforced');
    expect(problem?.message).toContain('these limits do not bite: cpu; ');
    expect(problem?.message).toContain(cure);
    expect(problem?.message).toMatch(/AA_ALLOW_UNENFORCED=cpu\.$/);
  });
});
