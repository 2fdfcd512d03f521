import type { ContainerSpec } from '../../src/core/container-runtime.ts';

/** A spec in which every field has a value that can be told from the others. */
export function sampleSpec(changes: Partial<ContainerSpec> = {}): ContainerSpec {
  return {
    image: 'aa-worker:latest',
    args: ['python3', '/workspace/script.py', 'one two'],
    env: { LANG: 'C.UTF-8', EMPTY: '' },
    cwd: '/workspace',
    user: { uid: 10001, gid: 10002 },
    hostname: 'sandbox',
    mounts: [
      { source: '/data/job', target: '/workspace', readonly: false },
      { source: '/data/stdin', target: '/run/stdin', readonly: true },
    ],
    tmpfs: [{ target: '/tmp', sizeBytes: 67108864, inodes: 4096, mode: 0o1777, exec: true }],
    resources: { memoryBytes: 536870912, cpus: 0.5, pids: 128 },
    rlimits: [
      { type: 'nofile', soft: 1024, hard: 2048 },
      { type: 'core', soft: 0, hard: 0 },
    ],
    network: 'none',
    readonlyRootfs: true,
    capDrop: ['ALL'],
    noNewPrivileges: true,
    labels: { 'tes.instance': 'i1' },
    ...changes,
  };
}
