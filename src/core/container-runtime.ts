/**
 * What the supervisor asks of a container engine, in OCI's words.
 *
 * Every implementation passes the same exam (`tests/contract/container-runtime.ts`); each sentence here is a case of it.
 * Every method rejects with a {@link RuntimeError}, keeps a deadline of its own, and never waits for ever: an engine
 * that accepts a request and doesn't answer ends in `unavailable`.
 */
export interface ContainerRuntime {
  /** The engine's kind. */
  readonly name: 'docker' | 'podman' | 'fake';

  /** Asks the engine who it is. Rejects with `unavailable` when nobody answers. */
  info(): Promise<RuntimeInfo>;

  /** Resolves with the image's identity; rejects with `image_not_found` when the engine doesn't hold it. Pulls nothing. */
  ensureImage(ref: string): Promise<ImageInfo>;

  /**
   * Makes a container and doesn't start it. Its labels are the spec's, over those that the image carries.
   *
   * A rejected create leaves nothing behind. When the engine accepts the container but says that it drops a limit that
   * `mayDiscard` doesn't name, the container is removed and the call rejects with `limit_discarded`. `runtime_unknown`: the engine has no such OCI
   * runtime. `mount_missing`: the engine doesn't see a mount's source. `image_not_found`: as for `ensureImage`.
   */
  create(spec: ContainerSpec): Promise<ContainerId>;

  /**
   * Starts a created container with its output attached from the first byte, and its end watched.
   *
   * Resolves once the program runs. `exited` settles after both streams have been given to their sinks to the last byte
   * and the engine's own record has told how the program ended; it rejects only when that can't be found out.
   * A sink that returns a promise is waited for, and the container's other stream isn't lost meanwhile.
   * A program that can't be executed (not found, not executable) is an end with exit code 127 or 126, not a rejection.
   * Starting the same container twice rejects with `conflict`.
   */
  start(id: ContainerId, io: ContainerIo): Promise<RunningContainer>;

  /** Sends a signal. Resolves also when the container has ended or is unknown. */
  kill(id: ContainerId, signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;

  /** Ends the container if need be and removes it with its anonymous volumes. Resolves also when it's unknown. */
  remove(id: ContainerId): Promise<void>;

  /** The engine's record of a container; `undefined` when it's unknown. */
  inspect(id: ContainerId): Promise<ContainerState | undefined>;

  /** All containers, running or not, that bear every one of these labels (an empty value matches any value). */
  list(filter: { readonly labels: Readonly<Record<string, string>> }): Promise<readonly ContainerSummary[]>;

  /** Lets connections go. Containers stay as they are. A second call does nothing. */
  close(): Promise<void>;
}

export type ContainerId = string;

export interface ContainerSpec {
  readonly image: string;
  /** The whole command line; the image's entrypoint and command are not used. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly hostname: string;
  readonly mounts: readonly BindMount[];
  readonly tmpfs: readonly TmpfsMount[];
  readonly resources: ContainerResources;
  readonly rlimits: readonly Rlimit[];
  readonly network: 'none';
  readonly readonlyRootfs: boolean;
  readonly capDrop: readonly 'ALL'[];
  readonly noNewPrivileges: boolean;
  /** A name that the engine knows, such as `runc`, `crun` or `runsc`; absent: the engine's default. */
  readonly ociRuntime?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Limits that the engine may drop; absent: none. Every other one bites, or nothing is created. */
  readonly mayDiscard?: readonly LimitName[];
}

export type LimitName = 'cpu' | 'memory' | 'pids';

export interface BindMount {
  /** Absolute path as the engine sees it. It must exist. */
  readonly source: string;
  readonly target: string;
  readonly readonly: boolean;
}

export interface TmpfsMount {
  readonly target: string;
  readonly sizeBytes: number;
  readonly inodes: number;
  readonly mode: number;
  readonly exec: boolean;
}

export interface ContainerResources {
  /** Bytes of memory; swap is always 0. */
  readonly memoryBytes: number;
  /** Share of one CPU: 0.5 is a quota of 50 %. */
  readonly cpus: number;
  readonly pids: number;
}

export interface Rlimit {
  readonly type: 'nofile' | 'core' | 'fsize';
  readonly soft: number;
  readonly hard: number;
}

/** Receives bytes in order. The chunk is only valid during the call (until the returned promise settles). */
export interface ByteSink {
  write(chunk: Uint8Array): void | Promise<void>;
}

export interface ContainerIo {
  readonly stdout: ByteSink;
  readonly stderr: ByteSink;
}

export interface RunningContainer {
  readonly exited: Promise<ContainerExit>;
}

/** How a container ended, by the engine's own record. */
export interface ContainerExit {
  /** 0 to 255; 128+n when signal n ended the program. */
  readonly exitCode: number;
  /** The kernel killed at least one process of the container for want of memory. */
  readonly oomKilled: boolean;
  /** Milliseconds between the engine's own start and end times. */
  readonly durationMs: number;
  /** False when the sinks may lack bytes: the output's connection broke, the engine stopped it, or a sink failed or was too slow. */
  readonly outputComplete: boolean;
}

export interface ContainerState {
  readonly id: ContainerId;
  readonly status: 'created' | 'running' | 'exited';
  readonly exitCode: number | undefined;
  readonly oomKilled: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ContainerSummary {
  readonly id: ContainerId;
  readonly status: 'created' | 'running' | 'exited';
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch, by the engine's clock. */
  readonly createdAt: number;
}

export interface ImageInfo {
  /** The engine's content id, `sha256:…`. */
  readonly id: string;
}

export interface RuntimeInfo {
  readonly name: ContainerRuntime['name'];
  readonly version: string;
  readonly apiVersion: string;
  readonly architecture: string;
  readonly kernelVersion: string;
  readonly rootless: boolean;
  readonly cgroupVersion: 1 | 2;
  readonly ociRuntimes: readonly string[];
  readonly defaultOciRuntime: string;
  /** Of the default OCI runtime, as the engine tells it, with a distribution's suffix (`1.1.5+ds1`); absent: not told. */
  readonly ociRuntimeVersion?: string;
  /** Mandatory access control by labels is on in the engine: a mounted folder needs the right one. */
  readonly selinux?: boolean;
  /** Ids in a container are other ids on the host (Docker's userns-remap). */
  readonly remapsUsers?: boolean;
  /** Which limits the engine says that it can set. Whether they bite is measured by a probe run. */
  readonly capabilities: Readonly<Record<LimitName, boolean>>;
}

export type RuntimeErrorCode =
  /** Nobody answers, the connection broke or the deadline passed: nothing is known of the request's effect. */
  | 'unavailable'
  /** What the operator named as the engine's socket is missing or is none. */
  | 'no_socket'
  /** The socket exists, but this process may not open it. */
  | 'permission_denied'
  /** What answers is another kind of engine. */
  | 'wrong_engine'
  | 'not_found'
  | 'conflict'
  | 'image_not_found'
  | 'limit_discarded'
  | 'runtime_unknown'
  | 'mount_missing'
  /** The engine refused or failed for a reason of its own. */
  | 'engine_failed';

/** The engine's own words are in `message` and `cause`: for the log, never for a client. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  readonly code: RuntimeErrorCode;

  constructor(code: RuntimeErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}
