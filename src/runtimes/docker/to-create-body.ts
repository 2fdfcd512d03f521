import { type ContainerSpec, RuntimeError, type TmpfsMount } from '../../core/container-runtime.ts';

/** What the mapper must know beside the spec. */
export interface CreateContext {
  readonly cgroupNamespaces: boolean;
  /** Paths that the image declares as volumes; the engine would give each an anonymous, unbounded, writable one. */
  readonly imageVolumes: readonly string[];
}

/** Pure: the body of `POST /containers/create`. Every isolation option is written out, also where today's default is the same. */
export function toCreateBody(spec: ContainerSpec, context: CreateContext) {
  if (spec.args.length === 0) throw new RuntimeError('engine_failed', 'create: a container needs a command');
  return {
    Image: spec.image,
    // The whole command is the entrypoint: a `Cmd` alone would be handed to the image's own entrypoint.
    Entrypoint: [...spec.args],
    Cmd: [],
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    WorkingDir: spec.cwd,
    User: `${spec.user.uid}:${spec.user.gid}`,
    Hostname: spec.hostname,
    Labels: { ...spec.labels },
    Healthcheck: { Test: ['NONE'] },
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    AttachStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    HostConfig: toHostConfig(spec, context),
  };
}

export type CreateBody = ReturnType<typeof toCreateBody>;

function toHostConfig(spec: ContainerSpec, context: CreateContext) {
  const { memoryBytes, cpus, pids } = spec.resources;
  return {
    Init: true,
    // Output comes by attach alone. A log would cost the engine a second copy of every byte and the host its disk.
    LogConfig: { Type: 'none', Config: {} },
    RestartPolicy: { Name: 'no' },
    AutoRemove: false,
    NetworkMode: spec.network,
    IpcMode: 'private',
    PidMode: '',
    UTSMode: '',
    CgroupnsMode: context.cgroupNamespaces ? 'private' : 'host',
    Privileged: false,
    ReadonlyRootfs: spec.readonlyRootfs,
    CapAdd: [],
    CapDrop: [...spec.capDrop],
    SecurityOpt: spec.noNewPrivileges ? ['no-new-privileges'] : [],
    GroupAdd: [],
    Devices: [],
    PublishAllPorts: false,
    Memory: memoryBytes,
    MemorySwap: memoryBytes,
    NanoCpus: Math.round(cpus * 1e9),
    PidsLimit: pids,
    ShmSize: 64 * 1024 * 1024,
    Ulimits: spec.rlimits.map(({ type, soft, hard }) => ({ Name: type, Soft: soft, Hard: hard })),
    // `Mounts`, because `Binds` makes a missing source as root.
    Mounts: spec.mounts.map(({ source, target, readonly }) => ({
      Type: 'bind',
      Source: source,
      Target: target,
      ReadOnly: readonly,
      BindOptions: { Propagation: 'rprivate' },
    })),
    // The map, because a tmpfs in `Mounts` takes no inode bound.
    Tmpfs: toTmpfsMap(spec, context.imageVolumes),
    ...(spec.ociRuntime === undefined ? {} : { Runtime: spec.ociRuntime }),
  };
}

function toTmpfsMap(spec: ContainerSpec, imageVolumes: readonly string[]): Record<string, string> {
  const taken = new Set([...spec.mounts, ...spec.tmpfs].map(({ target }) => target));
  const covered = imageVolumes
    .filter((path) => !taken.has(path))
    .map((path) => [path, 'ro,nosuid,nodev,noexec,size=4k,nr_inodes=1,mode=0555'] as const);
  return Object.fromEntries([
    ...covered,
    ...spec.tmpfs.map((mount) => [mount.target, toTmpfsOptions(mount)] as const),
  ]);
}

function toTmpfsOptions({ exec, sizeBytes, inodes, mode }: TmpfsMount): string {
  const octal = mode.toString(8).padStart(4, '0');
  return `rw,nosuid,nodev,${exec ? 'exec' : 'noexec'},size=${sizeBytes},nr_inodes=${inodes},mode=${octal}`;
}
