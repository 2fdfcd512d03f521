import { describe, expect, it } from 'vitest';
import { checkEscapes } from '../../src/doctor/known-escapes.ts';
import { fixFor, isBefore } from '../../src/doctor/version.ts';
import { INFO } from './sample-info.ts';

describe('versions', () => {
  it.each([
    ['1.1.5+ds1', '1.1.12', true],
    ['1.1.12', '1.1.12', false],
    ['v1.2.8-0-gabc', '1.2.8', false],
    ['1.0.0-rc95', '1.0.0', true],
    ['1.0.0~rc93+ds1', '1.0.0-rc95', true],
    ['1.4.0-rc.2', '1.4.0-rc.3', true],
    ['1.4.0', '1.4.0-rc.3', false],
    ['1.30', '1.4.4', false],
    ['unknown', '1.0.0', false],
  ])('%s is before %s: %s', (version, other, before) => {
    expect(isBefore(version, other)).toBe(before);
  });

  it.each([
    ['1.1.15', '1.2.8'],
    ['1.2.3', '1.2.8'],
    ['1.3.0', '1.3.3'],
    ['1.4.0', '1.4.0-rc.3'],
    ['2.0.0', '1.4.0-rc.3'],
  ])('the fix that counts for %s is %s', (version, fix) => {
    expect(fixFor(version, ['1.2.8', '1.3.3', '1.4.0-rc.3'])).toBe(fix);
  });
});

const rowOf = (ociRuntimeVersion: string, ociRuntime?: string) =>
  checkEscapes({ ...INFO, ociRuntimeVersion }, ociRuntime)[0];

describe('known escapes', () => {
  it.each([
    ['1.1.5+ds1', ['CVE-2024-21626', 'CVE-2025-31133']],
    ['1.1.12', ['CVE-2025-52565']],
    ['1.2.7', ['CVE-2025-52881']],
    ['1.0.0-rc93', ['CVE-2021-30465', 'CVE-2024-21626']],
  ])('runc %s has %j, and the cure is a version', (version, cves) => {
    const row = rowOf(version);
    expect(row).toMatchObject({ status: 'warn', cure: expect.stringMatching(/^Update runc to 1\.\d/) });
    for (const cve of cves) expect(row?.seen).toContain(cve);
  });

  it.each(['1.2.8', '1.3.3', '1.4.0', '1.5.1'])('runc %s has none', (version) => {
    expect(rowOf(version)).toMatchObject({ status: 'ok' });
  });

  it('a distribution’s own version may have been mended', () => {
    expect(rowOf('1.1.5+ds1')?.cure).toContain('security tracker');
    expect(rowOf('1.1.5')?.cure).not.toContain('security tracker');
  });

  it('says nothing of a runtime that it doesn’t know, or that isn’t the one whose version is told', () => {
    expect(rowOf('1.1.5', 'runsc')).toBeUndefined();
    expect(
      checkEscapes({ ...INFO, defaultOciRuntime: 'youki', ociRuntimeVersion: '0.1' }, undefined),
    ).toEqual([]);
    expect(checkEscapes(INFO, undefined)).toEqual([]);
  });
});
