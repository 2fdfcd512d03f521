import { describe, expect, it } from 'vitest';
import { toContainerSpec } from '../../src/core/container-spec.ts';
import { DEFAULT_LIMITS } from '../../src/core/limits.ts';

const SANDBOX = {
  image: 'aa-worker:latest',
  user: { uid: 10_001, gid: 10_001 },
  limits: DEFAULT_LIMITS,
  labels: { 'aa.supervisor.instance': 'i' },
};
const MIB = 1024 * 1024;

describe('the container of a run', () => {
  it('is closed on every side', () => {
    const spec = toContainerSpec({ args: ['true'], env: {} }, { ...SANDBOX, workspace: '/s/job/workspace' });
    expect(spec).toEqual({
      image: 'aa-worker:latest',
      args: ['true'],
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: '/tmp',
        TMPDIR: '/tmp',
        LANG: 'C.UTF-8',
        XDG_CACHE_HOME: '/tmp/.cache',
        XDG_CONFIG_HOME: '/tmp/.config',
        XDG_DATA_HOME: '/tmp/.local/share',
      },
      cwd: '/workspace',
      user: { uid: 10_001, gid: 10_001 },
      hostname: 'sandbox',
      mounts: [{ source: '/s/job/workspace', target: '/workspace', readonly: false }],
      tmpfs: [{ target: '/tmp', sizeBytes: 64 * MIB, inodes: 4096, mode: 0o1777, exec: true }],
      resources: { memoryBytes: 512 * MIB, cpus: 0.5, pids: 128 },
      rlimits: [
        { type: 'nofile', soft: 4096, hard: 4096 },
        { type: 'core', soft: 0, hard: 0 },
        // Above `diskBytes`, so that it's the disk watch that ends a run and tells why.
        { type: 'fsize', soft: 2048 * MIB, hard: 2048 * MIB },
      ],
      network: 'none',
      readonlyRootfs: true,
      capDrop: ['ALL'],
      noNewPrivileges: true,
      labels: { 'aa.supervisor.instance': 'i' },
      mayDiscard: [],
    });
  });

  it('reads its standard input from a file that it can’t write, its arguments unchanged', () => {
    const args = ['python3', 'a b.py', '$(id)', '', '-x'];
    const spec = toContainerSpec({ args, env: {} }, { ...SANDBOX, stdin: '/s/job/stdin' });
    expect(spec.args).toEqual(['/bin/sh', '-c', 'exec "$@" < /run/stdin', 'sh', ...args]);
    expect(spec.mounts).toEqual([{ source: '/s/job/stdin', target: '/run/stdin', readonly: true }]);
  });

  it('takes the program’s variables over its own, and the engine’s runtime where one is named', () => {
    const program = { args: ['true'], env: { HOME: '/workspace', X: '1' } };
    const spec = toContainerSpec(program, { ...SANDBOX, ociRuntime: 'runsc' });
    expect(spec.env).toMatchObject({ HOME: '/workspace', X: '1', TMPDIR: '/tmp' });
    expect(spec.ociRuntime).toBe('runsc');
  });
});
