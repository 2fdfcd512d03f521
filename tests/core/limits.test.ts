import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clampLimits, DEFAULT_LIMITS, DEFAULT_POLICY, type Limits } from '../../src/core/limits.ts';

const MIB = 1024 * 1024;
const HIGH: Limits = {
  timeoutMs: 10_000_000,
  memoryBytes: 2 ** 40,
  cpus: 64,
  pids: 10_000,
  outputBytes: 2 ** 40,
  diskBytes: 2 ** 40,
};

describe('limits of a run', () => {
  it('are the contract’s when nothing is asked', () => {
    expect(clampLimits({}, DEFAULT_POLICY)).toEqual({
      timeoutMs: 30_000,
      memoryBytes: 512 * MIB,
      cpus: 0.5,
      pids: 128,
      outputBytes: 16 * MIB,
      diskBytes: 1024 * MIB,
    });
  });

  it('are what was asked where the policy allows it', () => {
    const limits = { memoryBytes: 64 * MIB, cpus: 0.25, pids: 32, outputBytes: 10, diskBytes: MIB };
    expect(clampLimits({ timeoutMs: 60_000, limits }, DEFAULT_POLICY)).toEqual({
      timeoutMs: 60_000,
      ...limits,
    });
  });

  it('an operator’s policy below the defaults brings the defaults down', () => {
    const policy = { ...DEFAULT_POLICY, timeoutMs: 5000, memoryBytes: 128 * MIB };
    expect(clampLimits({}, policy)).toMatchObject({ timeoutMs: 5000, memoryBytes: 128 * MIB });
  });

  it('a higher policy alone gives nobody more than the default', () => {
    expect(clampLimits({}, HIGH)).toEqual(DEFAULT_LIMITS);
  });

  it('are raised to what an engine accepts', () => {
    const limits = { memoryBytes: 1, cpus: 0.000001, pids: 1, outputBytes: 1, diskBytes: 1 };
    expect(clampLimits({ timeoutMs: 1, limits }, DEFAULT_POLICY)).toEqual({
      timeoutMs: 1,
      memoryBytes: 32 * MIB,
      cpus: 0.05,
      pids: 4,
      outputBytes: 1,
      diskBytes: 64 * 1024,
    });
  });

  it('never go above the policy, whatever is asked', () => {
    const amount = fc.option(fc.double({ min: 0, noNaN: true }), { nil: undefined });
    const limits = fc.record({
      memoryBytes: amount,
      cpus: amount,
      pids: amount,
      outputBytes: amount,
      diskBytes: amount,
    });
    fc.assert(
      fc.property(amount, limits, (timeoutMs, asked) => {
        const applied = clampLimits({ timeoutMs, limits: asked }, DEFAULT_POLICY);
        for (const name of Object.keys(DEFAULT_POLICY) as (keyof Limits)[]) {
          expect(applied[name]).toBeGreaterThan(0);
          expect(applied[name]).toBeLessThanOrEqual(DEFAULT_POLICY[name]);
        }
      }),
    );
  });
});
