import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { completePackages, findMissingEntries, toPlatform } from '../../scripts/lib/lock-file.js';

const PACKAGES = {
  '': { version: '1.0.0' },
  'node_modules/tool': {
    version: '2.0.0',
    dev: true,
    optionalDependencies: { '@tool/linux-x64': '2.0.0', '@tool/linux-arm64-musl': '2.0.0' },
  },
  'node_modules/@tool/linux-x64': { version: '2.0.0', optional: true },
};

describe('the lock file', () => {
  it('of this project knows every optional package (cure: node scripts/complete-lock.js)', () => {
    const { packages } = JSON.parse(
      readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'),
    );
    expect(findMissingEntries(packages).map(({ path }) => path)).toEqual([]);
  });

  it('of this project names no registry', () => {
    const text = readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8');
    expect(text).not.toContain('"resolved"');
  });

  it('gets the entries that it lacks, with the platform that the name tells', () => {
    const completed = completePackages(PACKAGES);
    expect(completed['node_modules/@tool/linux-arm64-musl']).toEqual({
      version: '2.0.0',
      dev: true,
      optional: true,
      os: ['linux'],
      cpu: ['arm64'],
      libc: ['musl'],
    });
    expect(findMissingEntries(completed)).toEqual([]);
    expect(Object.keys(completed)[0]).toBe('');
  });

  it.each([
    ['@a/binding-linux-arm-gnueabihf', { os: ['linux'], cpu: ['arm'], libc: ['glibc'] }],
    ['@a/cli-win32-x64', { os: ['win32'], cpu: ['x64'] }],
    ['@a/binding-wasm32-wasi', { cpu: ['wasm32'] }],
  ])('reads %s', (name, platform) => {
    expect(toPlatform(name)).toEqual(platform);
  });

  it('is not given an entry whose platform the name does not tell', () => {
    expect(() => toPlatform('fast-thing')).toThrow(/by hand/);
  });
});
