import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ContainerRuntime, RuntimeError } from '../../src/core/container-runtime.ts';
import { toContainerSpec } from '../../src/core/container-spec.ts';
import { DEFAULT_LIMITS } from '../../src/core/limits.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { type ContainerRun, runContainer } from '../../src/core/run-container.ts';
import {
  createFakeRuntime,
  type FakeRuntime,
  type FakeStep,
  fakeArgs,
} from '../../src/runtimes/fake/index.ts';

const IMAGE = 'aa-worker:latest';
let fake: FakeRuntime;

beforeEach(() => {
  fake = createFakeRuntime();
});
afterEach(async () => {
  expect(fake.specs()).toEqual([]);
  vi.useRealTimers();
});

interface Told {
  stdout: string;
  started: number;
  ended: number;
}

function prepare(steps: readonly FakeStep[], options: Partial<ContainerRun> = {}) {
  const told: Told = { stdout: '', started: 0, ended: 0 };
  const spec = toContainerSpec(
    { args: fakeArgs(...steps), env: {} },
    { image: IMAGE, user: { uid: 1, gid: 1 }, limits: DEFAULT_LIMITS, labels: {} },
  );
  const run: ContainerRun = {
    runtime: fake,
    spec,
    stdout: {
      write(chunk) {
        told.stdout += Buffer.from(chunk).toString();
      },
    },
    stderr: { write: () => {} },
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    logger: silentLogger,
    onStarted: () => {
      told.started += 1;
      return () => {
        told.ended += 1;
      };
    },
    ...options,
  };
  return { run, told };
}

const run = (steps: readonly FakeStep[], options: Partial<ContainerRun> = {}) =>
  runContainer(prepare(steps, options).run);

describe('a program that ends by itself', () => {
  it.each([
    [0, { outcome: 'exited', exitCode: 0 }],
    [1, { outcome: 'exited', exitCode: 1 }],
    [127, { outcome: 'exited', exitCode: 127 }],
    [128, { outcome: 'exited', exitCode: 128 }],
    [255, { outcome: 'exited', exitCode: 255 }],
    [134, { outcome: 'signaled', exitCode: 134, signal: 'SIGABRT' }],
    [137, { outcome: 'signaled', exitCode: 137, signal: 'SIGKILL' }],
    [139, { outcome: 'signaled', exitCode: 139, signal: 'SIGSEGV' }],
    [143, { outcome: 'signaled', exitCode: 143, signal: 'SIGTERM' }],
  ])('with %i is told as %j', async (exit, expected) => {
    const { end, outputComplete } = await run([{ exit }]);
    expect(end).toEqual({ ...expected, durationMs: expect.any(Number) });
    expect(outputComplete).toBe(true);
  });

  it('for want of memory is oom_killed; a plain 137 is not', async () => {
    const { end } = await run([{ oom: true }]);
    expect(end).toMatchObject({ outcome: 'oom_killed', exitCode: 137, signal: 'SIGKILL' });
    expect(end).not.toHaveProperty('oomKilled');
  });

  it('whose child was killed for want of memory keeps its own end, with a note', async () => {
    const runtime = createFakeRuntime({ program: async () => ({ exitCode: 0, oomKilled: true }) });
    const { end, removed } = await run([], { runtime });
    await removed;
    expect(end).toMatchObject({ outcome: 'exited', exitCode: 0, oomKilled: true });
  });

  it('has given all its output, is watched from start to end, and its container goes', async () => {
    const { run: prepared, told } = prepare([{ stdout: 'x', times: 5000 }, { exit: 3 }]);
    const { removed, timings } = await runContainer(prepared);
    await removed;
    expect(told).toEqual({ stdout: 'x'.repeat(5000), started: 1, ended: 1 });
    for (const ms of Object.values(timings)) expect(ms).toBeGreaterThanOrEqual(0);
  });
});

describe('the kill ladder', () => {
  it('a time-out ends the program by SIGTERM and keeps what it wrote', async () => {
    const { run: prepared, told } = prepare([{ stdout: 'before' }, { hang: true }], { timeoutMs: 50 });
    const begun = performance.now();
    const { end, removed } = await runContainer(prepared);
    expect(end).toMatchObject({ outcome: 'timed_out', exitCode: 143, signal: 'SIGTERM' });
    expect(told.stdout).toBe('before');
    expect(performance.now() - begun).toBeLessThan(400);
    await removed;
  });

  it('a program that ignores SIGTERM gets SIGKILL after half a second', async () => {
    const begun = performance.now();
    const { end, removed } = await run([{ ignoreTerm: true }, { hang: true }], { timeoutMs: 20 });
    expect(end).toMatchObject({ outcome: 'timed_out', exitCode: 137, signal: 'SIGKILL' });
    expect(performance.now() - begun).toBeGreaterThan(450);
    expect(performance.now() - begun).toBeLessThan(1500);
    await removed;
  });

  it('a program that uses the grace to say good-bye is still timed_out, with its own exit code', async () => {
    const steps: FakeStep[] = [{ onTerm: { stdout: 'bye', exit: 7 } }, { hang: true }];
    const { run: prepared, told } = prepare(steps, { timeoutMs: 20 });
    const { end, removed } = await runContainer(prepared);
    await removed;
    expect(end).toMatchObject({ outcome: 'timed_out', exitCode: 7 });
    expect(end).not.toHaveProperty('signal');
    expect(told.stdout).toBe('bye');
  });

  it.each([
    ['canceled', 'canceled'],
    ['disk_limit', 'disk_limit'],
    [undefined, 'canceled'],
  ])('an abort for %s is told as %s', async (reason, outcome) => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(reason), 20);
    const { end, removed } = await run([{ hang: true }], { signal: stop.signal });
    await removed;
    expect(end).toMatchObject({ outcome, exitCode: 143 });
  });

  it('the first cause stays', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort('disk_limit'), 20);
    const steps: FakeStep[] = [{ ignoreTerm: true }, { hang: true }];
    const { end, removed } = await run(steps, { signal: stop.signal, timeoutMs: 100 });
    await removed;
    expect(end.outcome).toBe('disk_limit');
  });

  it('a signal that the engine does not take is followed by the next', async () => {
    fake.failNext('kill', new RuntimeError('engine_failed', 'no'));
    const { end, removed } = await run([{ hang: true }], { timeoutMs: 20 });
    await removed;
    expect(end).toMatchObject({ outcome: 'timed_out', exitCode: 137 });
  });
});

describe('a cancellation before the program', () => {
  it('creates nothing when it came first', async () => {
    const create = vi.spyOn(fake, 'create');
    const { run: prepared, told } = prepare([{ exit: 0 }], { signal: AbortSignal.abort('canceled') });
    const { end } = await runContainer(prepared);
    expect(end).toEqual({ outcome: 'canceled', exitCode: 143, signal: 'SIGTERM', durationMs: 0 });
    expect(create).not.toHaveBeenCalled();
    expect(told.started).toBe(0);
  });

  it('while the container is made: it is removed and never started', async () => {
    const stop = new AbortController();
    const start = vi.spyOn(fake, 'start');
    const runtime: ContainerRuntime = {
      ...fake,
      async create(spec) {
        const id = await fake.create(spec);
        stop.abort('canceled');
        return id;
      },
    };
    const { end } = await run([{ exit: 0 }], { runtime, signal: stop.signal });
    expect(end.outcome).toBe('canceled');
    expect(start).not.toHaveBeenCalled();
    expect(fake.specs()).toEqual([]);
  });
});

describe('an engine that fails', () => {
  it('on create: its own code, nothing to remove', async () => {
    fake.failNext('create', new RuntimeError('image_not_found', 'x'));
    await expect(run([])).rejects.toMatchObject({ code: 'image_unavailable' });
  });

  it('on start: infra_error, for the program may have run, and the container goes', async () => {
    fake.failNext('start', new RuntimeError('unavailable', 'x'));
    await expect(run([])).rejects.toMatchObject({ code: 'infra_error' });
    expect(fake.specs()).toEqual([]);
  });

  it('during the run: infra_error, and its removal is tried', async () => {
    const runtime: ContainerRuntime = {
      ...fake,
      start: async (id, io) => {
        await fake.start(id, io);
        return { exited: Promise.reject(new RuntimeError('unavailable', 'the connection broke')) };
      },
    };
    await expect(run([{ hang: true }], { runtime })).rejects.toMatchObject({ code: 'infra_error' });
    expect(fake.specs()).toEqual([]);
  });

  it('on remove: the run’s result stands, and nothing is thrown', async () => {
    fake.failNext('remove', new RuntimeError('engine_failed', 'busy'));
    const { end, removed } = await run([{ exit: 5 }]);
    await expect(removed).resolves.toBeUndefined();
    expect(end).toMatchObject({ outcome: 'exited', exitCode: 5 });
    for (const { id } of await fake.list({ labels: {} })) await fake.remove(id);
  });

  it('that never tells the end: infra_error ten seconds after SIGKILL, and the container goes', async () => {
    vi.useFakeTimers();
    const signals: string[] = [];
    const runtime: ContainerRuntime = {
      ...fake,
      start: async () => ({ exited: new Promise(() => {}) }),
      kill: async (_id, signal) => void signals.push(signal),
    };
    const refused = expect(run([], { runtime, timeoutMs: 1000 })).rejects.toMatchObject({
      code: 'infra_error',
    });
    await vi.advanceTimersByTimeAsync(1000);
    expect(signals).toEqual(['SIGTERM']);
    await vi.advanceTimersByTimeAsync(500);
    expect(signals).toEqual(['SIGTERM', 'SIGKILL']);
    await vi.advanceTimersByTimeAsync(10_000);
    await refused;
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
    expect(fake.specs()).toEqual([]);
  });
});
