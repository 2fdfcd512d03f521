import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WORKSPACE_MAX_INODES } from '../../src/core/limits.ts';
import { watchDisk } from '../../src/core/watch-disk.ts';
import type { DiskUsage } from '../../src/core/workspace.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Watches looks that go as given, the last of them again and again, for `ms`; tells whether the run was ended. */
async function watch(looks: readonly (DiskUsage | Error)[], ms: number): Promise<boolean> {
  const stop = new AbortController();
  let at = 0;
  let exceeded = 0;
  const usage = async (): Promise<DiskUsage> => {
    const look = looks[Math.min(at, looks.length - 1)] ?? new Error('no look');
    at += 1;
    if (look instanceof Error) throw look;
    return look;
  };
  const watching = watchDisk({ usage }, 1000, stop.signal, () => {
    exceeded += 1;
  });
  await vi.advanceTimersByTimeAsync(ms);
  stop.abort();
  await vi.advanceTimersByTimeAsync(1);
  await watching;
  expect(exceeded).toBeLessThanOrEqual(1);
  return exceeded === 1;
}

const small: DiskUsage = { bytes: 1000, inodes: 1 };
const failed = new Error('the tree changed');

describe('the watch on a run’s disk', () => {
  it('lets a run be that stays within its bounds', async () => {
    expect(await watch([small], 60_000)).toBe(false);
  });

  it.each([
    ['bytes', { bytes: 1001, inodes: 1 }],
    ['entries', { bytes: 0, inodes: WORKSPACE_MAX_INODES + 1 }],
  ])('ends a run with too many %s within half a second', async (_, usage) => {
    expect(await watch([small, usage], 600)).toBe(true);
  });

  it('goes on after a look that failed', async () => {
    expect(await watch([failed, failed, { bytes: 1001, inodes: 1 }], 2000)).toBe(true);
    expect(await watch([failed, small], 60_000)).toBe(false);
  });

  it('ends a run that makes every look fail', async () => {
    expect(await watch([failed], 1000)).toBe(false);
    expect(await watch([failed], 5000)).toBe(true);
  });
});
