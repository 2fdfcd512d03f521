import { describe, expect, it } from 'vitest';
import type { ContainerSpec } from '../../src/core/container-runtime.ts';
import { type CreateContext, toCreateBody } from '../../src/runtimes/docker/to-create-body.ts';
import { type SpecContext, toSpecGenerator } from '../../src/runtimes/podman/to-spec-generator.ts';
import { parseMaxUserProcesses } from '../../src/runtimes/podman/user-processes.ts';
import { sampleSpec } from '../support/sample-spec.ts';

const context: CreateContext = { cgroupNamespaces: true, imageVolumes: [] };
const dockerBody = (changes: Partial<ContainerSpec> = {}, more: Partial<CreateContext> = {}) =>
  toCreateBody(sampleSpec(changes), { ...context, ...more });

const specContext: SpecContext = {
  name: 'aa-1',
  rootless: false,
  capabilities: { cpu: true, memory: true, pids: true },
  maxUserProcesses: undefined,
};
const podmanBody = (changes: Partial<ContainerSpec> = {}, more: Partial<SpecContext> = {}) =>
  toSpecGenerator(sampleSpec(changes), { ...specContext, ...more });

/** The value at `a.b` of a body; a key that isn't there is an error, so that a mistyped row can't pass. */
function at(body: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => {
    if (typeof value !== 'object' || value === null || !(key in value))
      throw new Error(`no ${key} of ${path}`);
    return (value as Record<string, unknown>)[key];
  }, body);
}

const PRIVATE = { nsmode: 'private' };
const ARGS = ['python3', '/workspace/script.py', 'one two'];

/** Purpose, where Docker's body says it and what, where libpod's says it and what. */
const ROWS: readonly (readonly [
  purpose: string,
  docker: string,
  dockerValue: unknown,
  podman: string,
  podmanValue: unknown,
])[] = [
  ['image', 'Image', 'aa-worker:latest', 'image', 'aa-worker:latest'],
  ['whole command as entrypoint', 'Entrypoint', ARGS, 'entrypoint', ['/usr/bin/env', '--', ...ARGS]],
  ['no command of the image', 'Cmd', [], 'command', []],
  ['environment', 'Env', ['LANG=C.UTF-8', 'EMPTY='], 'env', { LANG: 'C.UTF-8', EMPTY: '' }],
  ['working directory', 'WorkingDir', '/workspace', 'work_dir', '/workspace'],
  ['user', 'User', '10001:10002', 'user', '10001:10002'],
  ['no further group', 'HostConfig.GroupAdd', [], 'groups', []],
  ['host name', 'Hostname', 'sandbox', 'hostname', 'sandbox'],
  ['labels', 'Labels', { 'tes.instance': 'i1' }, 'labels', { 'tes.instance': 'i1' }],
  ['no health check', 'Healthcheck', { Test: ['NONE'] }, 'healthconfig', { Test: ['NONE'] }],
  ['no terminal', 'Tty', false, 'terminal', false],
  ['no stdin', 'OpenStdin', false, 'stdin', false],
  ['no network', 'HostConfig.NetworkMode', 'none', 'netns', { nsmode: 'none' }],
  ['read-only root', 'HostConfig.ReadonlyRootfs', true, 'read_only_filesystem', true],
  ['no capability', 'HostConfig.CapDrop', ['ALL'], 'cap_drop', ['ALL']],
  ['none added', 'HostConfig.CapAdd', [], 'cap_add', []],
  ['no new privileges', 'HostConfig.SecurityOpt', ['no-new-privileges'], 'no_new_privileges', true],
  ['unprivileged', 'HostConfig.Privileged', false, 'privileged', false],
  ['no device', 'HostConfig.Devices', [], 'devices', []],
  ['no port', 'HostConfig.PublishAllPorts', false, 'publish_image_ports', false],
  ['memory', 'HostConfig.Memory', 536870912, 'resource_limits.memory.limit', 536870912],
  ['no swap', 'HostConfig.MemorySwap', 536870912, 'resource_limits.memory.swap', 536870912],
  ['half a CPU', 'HostConfig.NanoCpus', 500000000, 'resource_limits.cpu', { period: 100000, quota: 50000 }],
  ['tasks', 'HostConfig.PidsLimit', 128, 'resource_limits.pids.limit', 128],
  ['own IPC', 'HostConfig.IpcMode', 'private', 'ipcns', PRIVATE],
  ['own cgroup view', 'HostConfig.CgroupnsMode', 'private', 'cgroupns', PRIVATE],
  ['own processes', 'HostConfig.PidMode', '', 'pidns', PRIVATE],
  ['own host name space', 'HostConfig.UTSMode', '', 'utsns', PRIVATE],
  ['an init that reaps', 'HostConfig.Init', true, 'init', true],
  ['no removal by the engine', 'HostConfig.AutoRemove', false, 'remove', false],
  ['no restart', 'HostConfig.RestartPolicy', { Name: 'no' }, 'restart_policy', 'no'],
  ['no log', 'HostConfig.LogConfig', { Type: 'none', Config: {} }, 'log_configuration', { driver: 'none' }],
  ['shared memory', 'HostConfig.ShmSize', 67108864, 'shm_size', 67108864],
  [
    'rlimits',
    'HostConfig.Ulimits',
    [
      { Name: 'nofile', Soft: 1024, Hard: 2048 },
      { Name: 'core', Soft: 0, Hard: 0 },
    ],
    'r_limits',
    [
      { type: 'nofile', soft: 1024, hard: 2048 },
      { type: 'core', soft: 0, hard: 0 },
    ],
  ],
];

describe('a spec in the words of both engines', () => {
  it.each(ROWS)('%s', (_, docker, dockerValue, podman, podmanValue) => {
    expect(at(dockerBody(), docker)).toEqual(dockerValue);
    expect(at(podmanBody(), podman)).toEqual(podmanValue);
  });

  it('/tmp and the mounts; the workspace is nosuid and nodev where the engine can say so', () => {
    const { HostConfig } = dockerBody();
    const BindOptions = { Propagation: 'rprivate' };
    expect(HostConfig.Tmpfs).toEqual({
      '/tmp': 'rw,nosuid,nodev,exec,size=67108864,nr_inodes=4096,mode=1777',
    });
    expect(HostConfig.Mounts).toEqual([
      { Type: 'bind', Source: '/data/job', Target: '/workspace', ReadOnly: false, BindOptions },
      { Type: 'bind', Source: '/data/stdin', Target: '/run/stdin', ReadOnly: true, BindOptions },
    ]);
    expect(HostConfig).not.toHaveProperty('Binds');
    const bind = (mode: string) => ['rbind', 'rprivate', mode, 'nosuid', 'nodev'];
    expect(podmanBody().mounts).toEqual([
      { type: 'bind', source: '/data/job', destination: '/workspace', options: bind('rw') },
      { type: 'bind', source: '/data/stdin', destination: '/run/stdin', options: bind('ro') },
      {
        type: 'tmpfs',
        source: 'tmpfs',
        destination: '/tmp',
        options: [
          'rw',
          'nosuid',
          'nodev',
          'exec',
          'size=67108864,nr_inodes=4096',
          'mode=1777',
          'notmpcopyup',
        ],
      },
    ]);
  });

  it('neither names a seccomp or AppArmor profile: the default of the engine holds', () => {
    expect(JSON.stringify([dockerBody(), podmanBody()])).not.toMatch(/seccomp|apparmor|unconfined|label=/i);
  });

  it('noexec and a short mode are written in full', () => {
    const tmpfs = [{ target: '/t', sizeBytes: 1, inodes: 2, mode: 0o700, exec: false }];
    expect(dockerBody({ tmpfs }).HostConfig.Tmpfs).toEqual({
      '/t': 'rw,nosuid,nodev,noexec,size=1,nr_inodes=2,mode=0700',
    });
    expect(podmanBody({ tmpfs, mounts: [] }).mounts[0]?.options).toEqual(
      expect.arrayContaining(['noexec', 'mode=0700', 'size=1,nr_inodes=2']),
    );
  });

  it('an empty command, for which the engine would take that of the image, is refused', () => {
    expect(() => dockerBody({ args: [] })).toThrow('a container needs a command');
    expect(() => podmanBody({ args: [] })).toThrow('a container needs a command');
  });
});

describe('Docker alone', () => {
  it('names an OCI runtime only when the spec does', () => {
    expect(dockerBody().HostConfig).not.toHaveProperty('Runtime');
    expect(dockerBody({ ociRuntime: 'runsc' }).HostConfig).toMatchObject({ Runtime: 'runsc' });
  });

  it('takes the view of the host on cgroups where the engine has no other', () => {
    expect(dockerBody({}, { cgroupNamespaces: false }).HostConfig.CgroupnsMode).toBe('host');
  });

  it('covers the volumes of the image with something that can not be written', () => {
    const { Tmpfs } = dockerBody({}, { imageVolumes: ['/data', '/workspace', '/tmp'] }).HostConfig;
    expect(Object.keys(Tmpfs).sort()).toEqual(['/data', '/tmp']);
    expect(Tmpfs['/data']).toMatch(/^ro,/);
    expect(Tmpfs['/tmp']).toMatch(/^rw,/);
  });
});

describe('Podman alone', () => {
  it.each([
    ['takes nothing of the image’s environment', 'unsetenvall', true],
    ['nor of the host’s', 'env_host', false],
    ['nor its proxies', 'httpproxy', false],
    ['ignores the volumes of the image', 'image_volume_mode', 'ignore'],
    ['has no writable place that nobody bounded', 'read_write_tmpfs', false],
    ['has the name that it was given', 'name', 'aa-1'],
  ])('%s', (_, field, value) => {
    expect(at(podmanBody(), field)).toEqual(value);
  });

  it('rootless: whoever owns the mounts is runner inside, without ids taken from a pool', () => {
    const user = { uid: 1000, gid: 1000 };
    expect(podmanBody({ user })).toMatchObject({ user: '1000:1000' });
    expect(podmanBody({ user })).not.toHaveProperty('userns');
    expect(podmanBody({ user }, { rootless: true })).toMatchObject({
      user: '10001:10001',
      userns: { nsmode: 'keep-id', value: 'uid=10001,gid=10001' },
    });
  });

  it('leaves out what the engine can not limit, and nothing else', () => {
    const only = (name: string) => ({ cpu: false, memory: false, pids: false, [name]: true });
    for (const name of ['cpu', 'memory', 'pids'])
      expect(Object.keys(podmanBody({}, { capabilities: only(name) }).resource_limits ?? {})).toEqual([name]);
    expect(podmanBody({}, { capabilities: only('none') })).not.toHaveProperty('resource_limits');
  });

  it('bounds the processes of the user by what its host allows, because Podman raises them to a million', () => {
    expect(podmanBody({}, { maxUserProcesses: 77 }).r_limits.at(-1)).toEqual({
      type: 'nproc',
      soft: 77,
      hard: 77,
    });
  });

  it.each([
    ['Max processes             96365                96365                processes \n', '32768\n', 32768],
    ['Max processes             10                   20                   processes \n', '4194304\n', 20],
    ['Max processes             10                   20                   processes \n', '', 20],
    [
      'Max processes             unlimited            unlimited            processes \n',
      '32768\n',
      undefined,
    ],
    ['', '', undefined],
  ])('reads that bound from the kernel: %j, %j: %s', (limits, pidMax, bound) => {
    expect(parseMaxUserProcesses(limits, pidMax)).toBe(bound);
  });

  it('leaves a program whose name is an assignment to the init, because env would take it for one', () => {
    expect(podmanBody({ args: ['A=b', 'c'] }).entrypoint).toEqual(['A=b', 'c']);
  });
});
