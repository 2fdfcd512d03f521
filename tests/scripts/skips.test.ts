import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { permitSkip, titleOf, withReason } from '../support/skips.ts';

afterEach(() => void vi.unstubAllEnvs());

describe('a skip', () => {
  it('has its reason in the title', () => {
    vi.stubEnv('CI', '');
    expect(titleOf('x', undefined)).toBe('x');
    expect(titleOf('x', 'there is no y')).toBe('x (skipped: there is no y)');
    expect(permitSkip('there is no y')).toBe('there is no y');
  });

  it.each(['true', '1'])('is an error with CI=%s, unless no machine need have what it wants', (ci) => {
    vi.stubEnv('CI', ci);
    expect(titleOf('x', undefined)).toBe('x');
    expect(() => titleOf('x', 'there is no y')).toThrow('CI must not skip tests: there is no y');
    expect(() => permitSkip('there is no y')).toThrow();
    expect(withReason('x', 'there is no y')).toBe('x (skipped: there is no y)');
  });

  it('is forbidden by what CI runs', () => {
    expect(readFileSync(new URL('../../.ci/run', import.meta.url), 'utf8')).toMatch(/^export CI=true$/m);
  });
});
