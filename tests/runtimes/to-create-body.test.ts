import { describe, expect, it } from 'vitest';
import type { ContainerSpec } from '../../src/core/container-runtime.ts';
import { type CreateContext, toCreateBody } from '../../src/runtimes/docker/to-create-body.ts';
import { sampleSpec } from '../support/sample-spec.ts';

const context: CreateContext = { cgroupNamespaces: true, imageVolumes: [] };
const bodyOf = (changes: Partial<ContainerSpec> = {}, more: Partial<CreateContext> = {}) =>
  toCreateBody(sampleSpec(changes), { ...context, ...more });

describe('toCreateBody', () => {
  it.each([
    ['image', 'Image', 'aa-worker:latest'],
    ['the whole command as entrypoint', 'Entrypoint', ['python3', '/workspace/script.py', 'one two']],
    ['no command of the image', 'Cmd', []],
    ['environment', 'Env', ['LANG=C.UTF-8', 'EMPTY=']],
    ['working directory', 'WorkingDir', '/workspace'],
    ['user', 'User', '10001:10002'],
    ['host name', 'Hostname', 'sandbox'],
    ['labels', 'Labels', { 'tes.instance': 'i1' }],
    ['no health check of the image', 'Healthcheck', { Test: ['NONE'] }],
    ['no terminal', 'Tty', false],
    ['no stdin', 'OpenStdin', false],
  ] as const)('%s', (_, field, value) => {
    expect(bodyOf()[field]).toEqual(value);
  });

  it.each([
    ['no network', 'NetworkMode', 'none'],
    ['read-only root', 'ReadonlyRootfs', true],
    ['no capability', 'CapDrop', ['ALL']],
    ['none added', 'CapAdd', []],
    ['no new privileges, and the seccomp and AppArmor of the engine', 'SecurityOpt', ['no-new-privileges']],
    ['unprivileged', 'Privileged', false],
    ['memory', 'Memory', 536870912],
    ['no swap', 'MemorySwap', 536870912],
    ['CPU', 'NanoCpus', 500000000],
    ['tasks', 'PidsLimit', 128],
    ['private IPC', 'IpcMode', 'private'],
    ['private cgroup view', 'CgroupnsMode', 'private'],
    ['own PID namespace', 'PidMode', ''],
    ['own UTS namespace', 'UTSMode', ''],
    ['no device', 'Devices', []],
    ['no group', 'GroupAdd', []],
    ['an init that reaps', 'Init', true],
    ['no removal by the engine itself', 'AutoRemove', false],
    ['no restart', 'RestartPolicy', { Name: 'no' }],
    ['no log', 'LogConfig', { Type: 'none', Config: {} }],
    ['/tmp', 'Tmpfs', { '/tmp': 'rw,nosuid,nodev,exec,size=67108864,nr_inodes=4096,mode=1777' }],
    [
      'rlimits',
      'Ulimits',
      [
        { Name: 'nofile', Soft: 1024, Hard: 2048 },
        { Name: 'core', Soft: 0, Hard: 0 },
      ],
    ],
  ] as const)('host: %s', (_, field, value) => {
    expect(bodyOf().HostConfig[field]).toEqual(value);
  });

  it('mounts by Mounts, never by Binds', () => {
    const { HostConfig } = bodyOf();
    const BindOptions = { Propagation: 'rprivate' };
    expect(HostConfig.Mounts).toEqual([
      { Type: 'bind', Source: '/data/job', Target: '/workspace', ReadOnly: false, BindOptions },
      { Type: 'bind', Source: '/data/stdin', Target: '/run/stdin', ReadOnly: true, BindOptions },
    ]);
    expect(HostConfig).not.toHaveProperty('Binds');
  });

  it('names an OCI runtime only when the spec does', () => {
    expect(bodyOf().HostConfig).not.toHaveProperty('Runtime');
    expect(bodyOf({ ociRuntime: 'runsc' }).HostConfig).toMatchObject({ Runtime: 'runsc' });
  });

  it('takes the view of the host on cgroups where the engine has no other', () => {
    expect(bodyOf({}, { cgroupNamespaces: false }).HostConfig.CgroupnsMode).toBe('host');
  });

  it('covers the volumes of the image with something that can not be written', () => {
    const { Tmpfs } = bodyOf({}, { imageVolumes: ['/data', '/workspace', '/tmp'] }).HostConfig;
    expect(Object.keys(Tmpfs).sort()).toEqual(['/data', '/tmp']);
    expect(Tmpfs['/data']).toMatch(/^ro,/);
    expect(Tmpfs['/tmp']).toMatch(/^rw,/);
  });

  it('writes noexec and a short mode in full', () => {
    const tmpfs = [{ target: '/t', sizeBytes: 1, inodes: 2, mode: 0o700, exec: false }];
    expect(bodyOf({ tmpfs }).HostConfig.Tmpfs).toEqual({
      '/t': 'rw,nosuid,nodev,noexec,size=1,nr_inodes=2,mode=0700',
    });
  });

  it('refuses an empty command, for which the engine would take that of the image', () => {
    expect(() => bodyOf({ args: [] })).toThrow('a container needs a command');
  });
});
