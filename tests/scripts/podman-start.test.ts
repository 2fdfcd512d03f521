import { describe, expect, it } from 'vitest';
import { planContainersConf } from '../../scripts/lib/podman-conf.js';
import { planPodman } from '../../scripts/lib/podman-start.js';

describe('how an installed Podman is started', () => {
  const host = { podman: '/usr/bin/podman', systemd: true, root: true, runtimeFolder: '/run/user/7' };
  const service = (socket: string) => [
    '/usr/bin/podman',
    'system',
    'service',
    '--time=0',
    `unix://${socket}`,
  ];

  it.each([
    ['not at all when it is not installed', { ...host, podman: undefined }, undefined, undefined],
    [
      "by systemd's unit",
      host,
      undefined,
      { how: 'init', command: ['systemctl', 'start', 'podman.socket'], socket: '/run/podman/podman.sock' },
    ],
    [
      "by the user's own unit",
      { ...host, root: false },
      undefined,
      {
        how: 'init',
        command: ['systemctl', '--user', 'start', 'podman.socket'],
        socket: '/run/user/7/podman/podman.sock',
      },
    ],
    [
      'by itself where there is no systemd',
      { ...host, systemd: false },
      undefined,
      { how: 'daemon', command: service('/run/podman/podman.sock'), socket: '/run/podman/podman.sock' },
    ],
    [
      'by itself for the tests, whose socket is their own',
      host,
      '/own.sock',
      { how: 'daemon', command: service('/own.sock'), socket: '/own.sock' },
    ],
  ])('%s', (_, there, ownSocket, plan) => {
    expect(planPodman(there, ownSocket)).toEqual(plan);
  });
});

describe('the configuration that a host needs', () => {
  const ROOT = 'Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n';
  const WEAK_ROOT = 'Uid:\t0\t0\t0\t0\nCapEff:\t000001fffeffffff\n';
  const USER = 'Uid:\t7\t7\t7\t7\nCapEff:\t0000000000000000\n';
  const ordinary = { systemd: true, cgroup2: true, runc: true, status: ROOT };

  it('is none on an ordinary one, for root and for others', () => {
    expect(planContainersConf(ordinary)).toBeUndefined();
    expect(planContainersConf({ ...ordinary, status: USER })).toBeUndefined();
  });

  it.each([
    [{ systemd: false }, 'cgroup_manager = "cgroupfs"', 'no systemd'],
    [{ cgroup2: false }, 'runtime = "runc"', 'cgroup v1'],
    [
      { status: WEAK_ROOT },
      'default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]',
      "can't raise limits",
    ],
  ])('for %j has %s and nothing else', (change, line, why) => {
    const plan = planContainersConf({ ...ordinary, ...change });
    expect(plan?.text.split('\n').filter((each) => each.includes('='))).toEqual([line]);
    expect(plan?.why).toContain(why);
  });

  it('leaves the runtime to Podman where there is no runc', () => {
    expect(planContainersConf({ ...ordinary, cgroup2: false, runc: false })).toBeUndefined();
  });
});
