import {
  type BindMount,
  type ContainerSpec,
  type LimitName,
  RuntimeError,
  type RuntimeInfo,
  type TmpfsMount,
} from '../../core/container-runtime.ts';

/** What the mapper must know beside the spec. */
export interface SpecContext {
  readonly name: string;
  readonly rootless: boolean;
  /** Limits that the engine can set. The others are left out, because the engine would refuse the whole container. */
  readonly capabilities: RuntimeInfo['capabilities'];
  /**
   * The most processes that a user of the engine's host may have (its hard limit). Podman raises it to a million unless
   * told, which takes a capability that not every root has.
   */
  readonly maxUserProcesses: number | undefined;
}

/** The worker image's `runner`. */
const RUNNER = { uid: 10001, gid: 10001 } as const;

const CPU_PERIOD_US = 100_000;

/**
 * Pure: the body of libpod's `POST /containers/create`. Every isolation option is written out, also where today's default
 * is the same.
 */
export function toSpecGenerator(spec: ContainerSpec, context: SpecContext) {
  if (spec.args.length === 0) throw new RuntimeError('engine_failed', 'create: a container needs a command');
  return {
    name: context.name,
    image: spec.image,
    entrypoint: toCommand(spec.args),
    command: [],
    env: { ...spec.env },
    unsetenvall: true,
    env_host: false,
    httpproxy: false,
    work_dir: spec.cwd,
    hostname: spec.hostname,
    labels: { ...spec.labels },
    healthconfig: { Test: ['NONE'] },
    terminal: false,
    // The engine's attached stdin corrupts the output of a program that doesn't read it.
    stdin: false,
    init: true,
    remove: false,
    restart_policy: 'no',
    // Output comes by attach alone. A log would cost the engine a second copy of every byte and the host its disk.
    log_configuration: { driver: 'none' },
    ...toIdentity(spec, context),
    ...toIsolation(spec),
    ...toResourceLimits(spec, context.capabilities),
    r_limits: toRlimits(spec, context.maxUserProcesses),
    shm_size: 64 * 1024 * 1024,
    // The image's volumes would each be an anonymous, unbounded, writable one.
    image_volume_mode: 'ignore',
    mounts: [...spec.mounts.map(toBind), ...spec.tmpfs.map(toTmpfs)],
  };
}

export type SpecGenerator = ReturnType<typeof toSpecGenerator>;

/**
 * The engine's init answers 1 for a program that can't be executed; `env` in between answers 127 or 126, as a shell does.
 * It takes a name with `=` for a variable, so such a program is left to the init.
 */
function toCommand(args: readonly string[]): string[] {
  return args[0]?.includes('=') === true ? [...args] : ['/usr/bin/env', '--', ...args];
}

/** On a rootless engine the mounts' owner, who is the engine's own user, is called `runner` inside. */
function toIdentity({ user }: ContainerSpec, { rootless }: SpecContext) {
  const { uid, gid } = rootless ? RUNNER : user;
  return {
    user: `${uid}:${gid}`,
    groups: [],
    ...(rootless ? { userns: { nsmode: 'keep-id', value: `uid=${uid},gid=${gid}` } } : {}),
  };
}

function toIsolation(spec: ContainerSpec) {
  const own = { nsmode: 'private' };
  return {
    netns: { nsmode: spec.network },
    ipcns: own,
    pidns: own,
    utsns: own,
    cgroupns: own,
    privileged: false,
    read_only_filesystem: spec.readonlyRootfs,
    // It would add writable places without a bound.
    read_write_tmpfs: false,
    cap_add: [],
    cap_drop: [...spec.capDrop],
    no_new_privileges: spec.noNewPrivileges,
    devices: [],
    publish_image_ports: false,
  };
}

function toResourceLimits({ resources }: ContainerSpec, can: Readonly<Record<LimitName, boolean>>) {
  const { memoryBytes, cpus, pids } = resources;
  const limits = {
    // Swap counts memory too: the same number means none.
    ...(can.memory ? { memory: { limit: memoryBytes, swap: memoryBytes } } : {}),
    ...(can.cpu ? { cpu: { period: CPU_PERIOD_US, quota: Math.round(cpus * CPU_PERIOD_US) } } : {}),
    ...(can.pids ? { pids: { limit: pids } } : {}),
  };
  // An engine that can't limit anything warns of the field alone.
  return Object.keys(limits).length === 0 ? {} : { resource_limits: limits };
}

function toRlimits({ rlimits }: ContainerSpec, maxUserProcesses: number | undefined) {
  const named = rlimits.map(({ type, soft, hard }): { type: string; soft: number; hard: number } => ({
    type,
    soft,
    hard,
  }));
  if (maxUserProcesses === undefined) return named;
  return [...named, { type: 'nproc', soft: maxUserProcesses, hard: maxUserProcesses }];
}

function toBind({ source, target, readonly }: BindMount) {
  return {
    type: 'bind',
    source,
    destination: target,
    options: ['rbind', 'rprivate', readonly ? 'ro' : 'rw', 'nosuid', 'nodev'],
  };
}

function toTmpfs({ target, sizeBytes, inodes, mode, exec }: TmpfsMount) {
  return {
    type: 'tmpfs',
    source: 'tmpfs',
    destination: target,
    options: [
      'rw',
      'nosuid',
      'nodev',
      exec ? 'exec' : 'noexec',
      // One option, because Podman 4 knows no `nr_inodes`; it hands the size to the kernel as it stands.
      `size=${sizeBytes},nr_inodes=${inodes}`,
      `mode=${mode.toString(8).padStart(4, '0')}`,
      // Else the image's files below it would be copied into it.
      'notmpcopyup',
    ],
  };
}
