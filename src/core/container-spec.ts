import type { BindMount, ContainerSpec, LimitName } from './container-runtime.ts';
import { type Limits, NOFILE_LIMIT, TMP_BYTES, TMP_INODES } from './limits.ts';
import type { Program } from './tool-handler.ts';

export interface SandboxOptions {
  readonly image: string;
  readonly ociRuntime?: string | undefined;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly limits: Limits;
  readonly labels: Readonly<Record<string, string>>;
  /** Limits that the operator lets go unenforced; absent: none. */
  readonly allowUnenforced?: readonly LimitName[];
  /** Absolute path, as the engine sees it, of what is mounted at `/workspace`; absent: nothing is. */
  readonly workspace?: string;
  /** Absolute path of the file that becomes the program's standard input. */
  readonly stdin?: string;
}

export const WORKSPACE_PATH = '/workspace';
const STDIN_PATH = '/run/stdin';

/**
 * What every program finds in its environment, whatever the tool. Caches go to `/tmp`, so that `/workspace` holds what
 * was sent and what the program wrote, and nothing else.
 */
const BASE_ENV: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/tmp',
  TMPDIR: '/tmp',
  LANG: 'C.UTF-8',
  XDG_CACHE_HOME: '/tmp/.cache',
  XDG_CONFIG_HOME: '/tmp/.config',
  XDG_DATA_HOME: '/tmp/.local/share',
};

/** The one description of a run's container: everything that isolates it stands here. */
export function toContainerSpec(program: Program, sandbox: SandboxOptions): ContainerSpec {
  const { limits } = sandbox;
  // Beyond what the disk watch allows, so that it's the watch that ends a run; one that outruns it meets this.
  const fileSize = 2 * limits.diskBytes;
  return {
    image: sandbox.image,
    args: sandbox.stdin === undefined ? program.args : withStdin(program.args),
    env: { ...BASE_ENV, ...program.env },
    cwd: sandbox.workspace === undefined ? '/tmp' : WORKSPACE_PATH,
    user: sandbox.user,
    hostname: 'sandbox',
    mounts: toMounts(sandbox),
    tmpfs: [{ target: '/tmp', sizeBytes: TMP_BYTES, inodes: TMP_INODES, mode: 0o1777, exec: true }],
    resources: { memoryBytes: limits.memoryBytes, cpus: limits.cpus, pids: limits.pids },
    rlimits: [
      { type: 'nofile', soft: NOFILE_LIMIT, hard: NOFILE_LIMIT },
      { type: 'core', soft: 0, hard: 0 },
      { type: 'fsize', soft: fileSize, hard: fileSize },
    ],
    network: 'none',
    readonlyRootfs: true,
    capDrop: ['ALL'],
    noNewPrivileges: true,
    ...(sandbox.ociRuntime === undefined ? {} : { ociRuntime: sandbox.ociRuntime }),
    labels: sandbox.labels,
    mayDiscard: sandbox.allowUnenforced ?? [],
  };
}

function toMounts(sandbox: SandboxOptions): BindMount[] {
  const mounts: BindMount[] = [];
  if (sandbox.workspace !== undefined) {
    mounts.push({ source: sandbox.workspace, target: WORKSPACE_PATH, readonly: false });
  }
  if (sandbox.stdin !== undefined) mounts.push({ source: sandbox.stdin, target: STDIN_PATH, readonly: true });
  return mounts;
}

/** Standard input comes from a file: Podman's attached stdin corrupts the output of a program that doesn't read it. */
function withStdin(args: readonly string[]): readonly string[] {
  return ['/bin/sh', '-c', `exec "$@" < ${STDIN_PATH}`, 'sh', ...args];
}
