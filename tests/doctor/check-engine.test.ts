import { describe, expect, it } from 'vitest';
import { checkSetUp, type SetUp } from '../../src/doctor/check-engine.ts';
import { INFO } from './sample-info.ts';

interface Change extends Partial<Omit<SetUp, 'info'>> {
  readonly info?: Partial<SetUp['info']>;
}

function check({ info, ...change }: Change = {}) {
  const setUp: SetUp = {
    info: { ...INFO, ...info },
    ociRuntime: undefined,
    allowUnenforced: [],
    storageLabel: '/srv/aa-storage',
    ...change,
  };
  return checkSetUp(setUp);
}

const ROOTLESS = { name: 'podman', rootless: true } as const;
const NO_CPU = { capabilities: { cpu: false, memory: true, pids: true } };

describe('a set-up', () => {
  it('that is good has good rows only', () => {
    expect(check().map(({ name, status }) => `${name} ${status}`)).toEqual([
      'engine ok',
      'oci_runtime ok',
      'cgroup_controllers ok',
    ]);
  });

  it.each<[string, Change, string, string, RegExp]>([
    [
      'an OCI runtime that Docker lacks',
      { ociRuntime: 'runsc' },
      'oci_runtime',
      'fail',
      /daemon\.json.*reload/,
    ],
    [
      'an OCI runtime that Podman lacks',
      { ociRuntime: 'runsc', info: { name: 'podman' } },
      'oci_runtime',
      'fail',
      /containers\.conf/,
    ],
    [
      'cpu not delegated to a rootless Podman',
      { info: { ...ROOTLESS, ...NO_CPU } },
      'cgroup_controllers',
      'fail',
      /user@\.service\.d\/delegate\.conf.*daemon-reload/,
    ],
    [
      'that, accepted',
      { info: { ...ROOTLESS, ...NO_CPU }, allowUnenforced: ['cpu'] },
      'cgroup_controllers',
      'warn',
      /delegate\.conf/,
    ],
    [
      'a rootless engine under cgroup v1',
      { info: { ...ROOTLESS, ...NO_CPU, cgroupVersion: 1 } },
      'cgroup_controllers',
      'fail',
      /unified_cgroup_hierarchy=1/,
    ],
    ['userns-remap', { info: { remapsUsers: true } }, 'user_ids', 'fail', /userns-remap.*daemon\.json/],
    ['rootless Docker', { info: { rootless: true } }, 'user_ids', 'fail', /rootless Podman/],
    [
      'SELinux',
      { info: { selinux: true } },
      'selinux',
      'warn',
      /chcon -R -t container_file_t \/srv\/aa-storage/,
    ],
  ])('%s is named with its cure', (_, change, name, status, cure) => {
    const row = check(change).find((found) => found.name === name);
    expect(row).toMatchObject({ status, cure: expect.stringMatching(cure) });
  });
});
