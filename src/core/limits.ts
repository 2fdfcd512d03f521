const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** What one run may use. Every answer says what was applied. */
export interface Limits {
  /** Counted from the program's start. */
  readonly timeoutMs: number;
  /** Memory without swap. */
  readonly memoryBytes: number;
  /** Share of one CPU: 0.5 is a quota of 50 %. */
  readonly cpus: number;
  /** Processes and threads. */
  readonly pids: number;
  /** Kept of stdout, and the same of stderr. Writing more never kills the program. */
  readonly outputBytes: number;
  /** Allocated below `/workspace`; a single file may have twice the size on paper. */
  readonly diskBytes: number;
}

/** What a request may ask for; absent fields take the default. */
export interface RequestedLimits {
  readonly timeoutMs?: number | undefined;
  readonly limits?: Partial<Record<Exclude<keyof Limits, 'timeoutMs'>, number | undefined>> | undefined;
}

/** The highest values that the operator lets a run have. */
export type LimitPolicy = Limits;

export const DEFAULT_LIMITS: Limits = {
  timeoutMs: 30_000,
  memoryBytes: 512 * MIB,
  cpus: 0.5,
  pids: 128,
  outputBytes: 16 * MIB,
  diskBytes: GIB,
};

export const DEFAULT_POLICY: LimitPolicy = { ...DEFAULT_LIMITS, timeoutMs: 300_000 };

/** Below these an engine refuses the container, or no interpreter starts. */
const LEAST: Limits = {
  timeoutMs: 1,
  // With less the engine's own start of the container is now and then killed for want of memory.
  memoryBytes: 32 * MIB,
  cpus: 0.05,
  pids: 4,
  outputBytes: 1,
  diskBytes: 64 * 1024,
};

/** Bounds on what is handed back of one run. */
export const ARTIFACT_BOUNDS = { maxBytes: GIB, maxFiles: 10_000 } as const;

/** Entries that one run may have below `/workspace` before it ends with `disk_limit`. */
export const WORKSPACE_MAX_INODES = 262_144;

/** Open files per process in a run. */
export const NOFILE_LIMIT = 4096;

/** The writable `/tmp` of a run. */
export const TMP_BYTES = 64 * MIB;
export const TMP_INODES = 4096;

/** Takes what was asked for, else the default, and brings it between what can work and what the operator allows. */
export function clampLimits(requested: RequestedLimits, policy: LimitPolicy): Limits {
  const clamp = (name: keyof Limits, asked: number | undefined): number =>
    Math.min(Math.max(asked ?? DEFAULT_LIMITS[name], LEAST[name]), policy[name]);
  const asked = requested.limits ?? {};
  return {
    timeoutMs: clamp('timeoutMs', requested.timeoutMs),
    memoryBytes: clamp('memoryBytes', asked.memoryBytes),
    cpus: clamp('cpus', asked.cpus),
    pids: clamp('pids', asked.pids),
    outputBytes: clamp('outputBytes', asked.outputBytes),
    diskBytes: clamp('diskBytes', asked.diskBytes),
  };
}
