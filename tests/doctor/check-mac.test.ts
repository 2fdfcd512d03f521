import { describe, expect, it } from 'vitest';
import { checkMac, type MacSetUp } from '../../src/doctor/check-mac.ts';

const check = (change: Partial<MacSetUp>) =>
  checkMac({ platform: 'darwin', storagePath: '/Users/anna/aa', ...change }).map(
    ({ name, status }) => `${name} ${status}`,
  );

describe('on a Mac', () => {
  it('a folder below the home folder is good, and Podman’s two sockets are told', () => {
    expect(check({})).toEqual([]);
    expect(check({ engine: 'docker' })).toEqual([]);
    expect(check({ engine: 'podman' })).toEqual(['mac_sockets ok']);
  });

  it.each(['/tmp/aa', '/tmp', '/private/tmp/aa', '/private/var/aa', '/var/folders/x/aa'])(
    '%s is named with its cure, whether or not an engine answers',
    (storagePath) => {
      expect(check({ storagePath })).toEqual(['mac_storage warn']);
      expect(check({ storagePath, engine: 'docker' })).toEqual(['mac_storage warn']);
      expect(check({ storagePath, engine: 'podman' })).toEqual(['mac_sockets ok', 'mac_storage fail']);
      const [row] = checkMac({ platform: 'darwin', storagePath });
      expect(row?.cure).toBe('Set AA_STORAGE_PATH=$HOME/aa-storage.');
    },
  );

  it.each(['/tmpfiles/aa', '/var/lib/aa', '/Users/tmp'])('%s is none of these', (storagePath) => {
    expect(check({ storagePath })).toEqual([]);
  });

  it('only: elsewhere nothing is said', () => {
    expect(check({ platform: 'linux', storagePath: '/tmp/aa', engine: 'podman' })).toEqual([]);
  });
});
