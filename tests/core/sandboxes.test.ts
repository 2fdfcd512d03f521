import { beforeEach, describe, expect, it } from 'vitest';
import { RuntimeError } from '../../src/core/container-runtime.ts';
import { toContainerSpec } from '../../src/core/container-spec.ts';
import { DEFAULT_LIMITS } from '../../src/core/limits.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { createSandboxes, LABELS, type Sandboxes } from '../../src/core/sandboxes.ts';
import { createFakeRuntime, type FakeRuntime } from '../../src/runtimes/fake/index.ts';

let runtime: FakeRuntime;
let sandboxes: Sandboxes;

beforeEach(() => {
  runtime = createFakeRuntime();
  sandboxes = createSandboxes({ runtime, instanceId: 'mine', logger: silentLogger });
});

function create(labels: Readonly<Record<string, string>>): Promise<string> {
  const sandbox = { image: 'aa-worker:latest', user: { uid: 1, gid: 1 }, limits: DEFAULT_LIMITS, labels };
  return runtime.create(toContainerSpec({ args: ['true'], env: {} }, sandbox));
}

const left = async (): Promise<string[]> => (await runtime.list({ labels: {} })).map(({ id }) => id);
const foreign = (expires: string) => ({
  [LABELS.instance]: 'other',
  [LABELS.sandbox]: 'x',
  [LABELS.expires]: expires,
});

describe('the reaper', () => {
  it('leaves a container of ours that it knows, also one that is only about to be made', async () => {
    const { labels } = sandboxes.open(1000);
    expect(await sandboxes.reap()).toEqual({ removed: 0, left: 0 });
    const id = await create(labels);
    expect(await sandboxes.reap()).toEqual({ removed: 0, left: 0 });
    expect(await left()).toEqual([id]);
  });

  it('removes it once it is closed', async () => {
    const sandbox = sandboxes.open(1000);
    await create(sandbox.labels);
    sandbox.close();
    expect(await sandboxes.reap()).toEqual({ removed: 1, left: 0 });
    expect(await left()).toEqual([]);
  });

  it('removes at once what an earlier process of this instance left', async () => {
    const earlier = createSandboxes({ runtime, instanceId: 'mine', logger: silentLogger });
    await create(earlier.open(300_000).labels);
    expect(await sandboxes.reap()).toEqual({ removed: 1, left: 0 });
  });

  it('leaves another instance’s container while its time runs, and removes it afterwards', async () => {
    const living = await create(foreign(String(Date.now() + 60_000)));
    await create(foreign(String(Date.now() - 1)));
    expect(await sandboxes.reap()).toEqual({ removed: 1, left: 0 });
    expect(await left()).toEqual([living]);
  });

  it.each(['', 'soon', 'NaN', 'Infinity'])(
    'leaves a container whose label %j tells no time',
    async (expires) => {
      await create(foreign(expires));
      expect(await sandboxes.reap()).toEqual({ removed: 0, left: 0 });
    },
  );

  it('leaves containers without our label alone', async () => {
    await create({});
    await create({ [LABELS.expires]: '1' });
    expect(await sandboxes.reap()).toEqual({ removed: 0, left: 0 });
  });

  it('one that can’t be removed does not keep the others', async () => {
    for (let n = 0; n < 3; n += 1) {
      const sandbox = sandboxes.open(1000);
      await create(sandbox.labels);
      sandbox.close();
    }
    runtime.failNext('remove', new RuntimeError('engine_failed', 'busy'));
    expect(await sandboxes.reap()).toEqual({ removed: 2, left: 1 });
    expect(await sandboxes.reap()).toEqual({ removed: 1, left: 0 });
  });

  it('tells when the engine is away', async () => {
    runtime.goAway();
    await expect(sandboxes.reap()).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('labels', () => {
  it('name the instance, the sandbox and the latest moment of its life', () => {
    const before = Date.now();
    const { id, labels } = sandboxes.open(30_000);
    expect(labels[LABELS.instance]).toBe('mine');
    expect(labels[LABELS.sandbox]).toBe(id);
    const expires = Number(labels[LABELS.expires]);
    expect(expires).toBeGreaterThan(before + 30_000);
    expect(expires).toBeLessThan(before + 120_000);
  });
});
