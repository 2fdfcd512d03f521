import type { ErrorCode } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { CollectedFile, SkippedFile } from '../workspace.ts';

/** Where a job is. Why it ended is another field: {@link Outcome}. */
export const JOB_STATUSES = ['queued', 'created', 'running', 'stopped'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** Why a program ended. */
export const OUTCOMES = ['exited', 'signaled', 'timed_out', 'oom_killed', 'disk_limit', 'canceled'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** How a program ended. Absent facts are absent: `signal` stands only where a signal ended the program. */
export interface ProgramEnd {
  readonly outcome: Outcome;
  /** 0 to 255; 128+n when signal n ended the program. */
  readonly exitCode: number;
  readonly signal?: string;
  /** The kernel killed a process of the run for want of memory, though the run's end has another cause. */
  readonly oomKilled?: true;
  /** The program's own time, by the engine's clock. */
  readonly durationMs: number;
}

/** Milliseconds that each phase of a job took. */
export interface Timings {
  readonly queue: number;
  readonly create: number;
  readonly start: number;
  readonly run: number;
  readonly collect: number;
}

/** One artifact as the manifest keeps it; `path` is its place in the job's folder and never leaves the service. */
export interface ArtifactRow {
  readonly name: string;
  readonly kind: 'input' | 'output';
  readonly path: string;
  readonly size: number;
  readonly mediaType: string;
  readonly sha256: string;
  readonly truncated: boolean;
  readonly omittedBytes?: number;
}

/**
 * Why a stopped job has no end. `infra_error`: a program may have run, and how that ended couldn't be found out. Any other
 * code: none ran.
 */
export interface JobFailure {
  readonly code: ErrorCode;
  readonly message: string;
}

/** A job as `job.json` and the manifest keep it. A stopped job has either `end` or `error`. */
export interface JobRecord {
  readonly version: 1;
  readonly id: string;
  readonly sessionId: string;
  /** The caller whose job it is; absent when the service had no keys. */
  readonly owner?: string;
  readonly tool: string;
  readonly status: JobStatus;
  readonly limits: Limits;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly end?: ProgramEnd;
  readonly error?: JobFailure;
  /** Present when the engine's connection broke: what was captured may lack bytes. */
  readonly outputComplete?: false;
  /** Which container served the job: the value of its sandbox label. */
  readonly sandbox?: string;
  readonly timings?: Timings;
}

/**
 * What stands in `job.json`: until the manifest is written enough to close the job when this process doesn't, afterwards the
 * final record alone, which costs less to read than the manifest. While the job is `queued` no program of it has run.
 */
export interface JobFile extends JobRecord {
  /** Of a job that hasn't stopped. */
  readonly inputs?: readonly CollectedFile[];
}

/** What stands in `manifest.json`: the finished job and every artifact that may be served. */
export interface Manifest {
  readonly version: 1;
  readonly job: JobRecord;
  readonly files: readonly ArtifactRow[];
  readonly skipped: readonly SkippedFile[];
  /** True when not every file of the workspace was looked at. */
  readonly truncated: boolean;
}

/** The manifest of a job of which there are no files, or none yet. */
export function withoutFiles(job: JobRecord): Manifest {
  return { version: 1, job, files: [], skipped: [], truncated: false };
}

/** Only we write `job.json`, so the version and the status are enough to tell one from a torn or foreign file. */
export function isJobFile(value: unknown): value is JobFile {
  return (
    typeof value === 'object' &&
    value !== null &&
    'version' in value &&
    value.version === 1 &&
    'status' in value
  );
}

/** Linux's numbers, where 128+n is n's exit code. */
const SIGNALS: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  5: 'SIGTRAP',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  10: 'SIGUSR1',
  11: 'SIGSEGV',
  12: 'SIGUSR2',
  13: 'SIGPIPE',
  14: 'SIGALRM',
  15: 'SIGTERM',
  24: 'SIGXCPU',
  25: 'SIGXFSZ',
  31: 'SIGSYS',
};

/** The name of the signal behind an exit code of 128+n; `undefined` for every other code. */
export function signalOf(exitCode: number): string | undefined {
  return SIGNALS[exitCode - 128];
}
