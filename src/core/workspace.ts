/**
 * A job's folder: what the engine mounts, and the control files that lie beside it where the program can't reach them.
 *
 * ```
 * {root}/{sessionId}/job-{id}/     jobKey(job, '') — nothing here is mounted but:
 *   workspace/                     mounted read-write at /workspace
 *   stdin                          mounted read-only, when the program is given one
 *   inputs/                        the inputs' original bytes
 *   stdout  stderr                 what was captured
 *   events                         in which order it was (`jobs/event-index.ts`)
 *   job.json  manifest.json        control data
 * ```
 *
 * The tree below `workspace/` is hostile: nothing is ever followed out of it, opened for waiting (FIFO, device) or believed.
 */
export interface Workspaces {
  /** Makes the folder of a new job. Rejects with `exists` when there is one. */
  create(job: JobRef): Promise<Workspace>;

  /** Opens the folder of an earlier job; `undefined` when there is none. */
  open(job: JobRef): Promise<Workspace | undefined>;

  /** Every job folder below the root, whatever its state. */
  list(): AsyncIterable<JobRef>;

  /** The names of all sessions that have a folder, in byte order. */
  sessions(): Promise<readonly string[]>;

  /** The ids of a session's jobs that have a folder, in byte order; none for a session that is unknown. */
  jobs(sessionId: string): Promise<readonly string[]>;

  /** Bytes and inodes that are still free on the file system that holds the root. */
  free(): Promise<DiskUsage>;
}

export interface JobRef {
  readonly sessionId: string;
  readonly jobId: string;
}

/** The store's key of a path in a job's folder, such as `stdout` or `workspace/plot.png`; the folder lies at the same path below the root. */
export function jobKey({ sessionId, jobId }: JobRef, path: string): string {
  return `${sessionId}/job-${jobId}/${path}`;
}

export interface Workspace {
  readonly job: JobRef;
  /** Who the program runs as: the owner of everything it can write. */
  readonly user: { readonly uid: number; readonly gid: number };
  /** Absolute path of the folder that is mounted at `/workspace`. */
  readonly mountSource: string;

  /**
   * Writes the inputs: the originals beside the workspace, and a copy in it that belongs to the run's user. Once per job.
   * Resolves with what was written: soon after the signal aborts, the files until then.
   */
  writeInputs(files: readonly InputFile[], signal?: AbortSignal): Promise<readonly CollectedFile[]>;

  /** Writes what the program will read from its standard input; resolves with the absolute path to mount. */
  writeStdin(content: Uint8Array): Promise<string>;

  /** Opens a file that we write while the program runs, and creates it when there is none. */
  openOutput(name: OutputName): Promise<OutputFile>;

  /** Reads up to `length` bytes of a file that may still grow; fewer at its end. */
  readPart(name: OutputName, position: number, length: number): Promise<Uint8Array>;

  /** Size and SHA-256 of one file in the job's folder that the program can't reach (`stdout`, `inputs/…`). */
  describe(path: string): Promise<CollectedFile>;

  /** Lists the regular files below the mounted folder, hashed. Ends within its bounds whatever the tree looks like. */
  collect(bounds: CollectBounds): Promise<Collection>;

  /** Opens a file that `collect`, `describe` or `writeInputs` named, for an upload. */
  read(path: string): Promise<ReadableStream<Uint8Array>>;

  /** What the mounted folder takes: allocated bytes (512-byte blocks as `stat` counts them) and entries. */
  usage(signal?: AbortSignal): Promise<DiskUsage>;

  /** Writes a JSON control file by rename: a reader sees the old or the new, never part of one. */
  writeControl(name: ControlFile, value: unknown): Promise<void>;

  /** `undefined` when it isn't there or isn't JSON. */
  readControl(name: ControlFile): Promise<unknown>;

  /** Removes the job's folder with whatever the program left in it, and the session's folder once that is empty. Safe to repeat. */
  remove(): Promise<void>;
}

export type ControlFile = 'job.json' | 'manifest.json';

export interface InputFile {
  /** Relative, `/`-separated, no `.` or `..` part. */
  readonly path: string;
  readonly content: Uint8Array;
}

/** A captured stream. */
export type StreamName = 'stdout' | 'stderr';

export type OutputName = StreamName | 'events';

/** A random-access file with one writer. */
export interface OutputFile {
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Reads up to `length` bytes; fewer only at the file's end. */
  read(position: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface CollectedFile {
  /** Path within the job's folder: `workspace/a/b.txt`, `inputs/script.py`, `stdout`. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Lower-case hex of the bytes. */
  readonly sha256: string;
}

export interface CollectBounds {
  /** Sum of the files' sizes; a file that doesn't fit is skipped, smaller ones after it may still fit. */
  readonly maxBytes: number;
  readonly maxFiles: number;
  readonly signal?: AbortSignal;
}

export interface Collection {
  /** In byte order of their paths. */
  readonly files: readonly CollectedFile[];
  /** At most 1,000 rows; `truncated` says that there was more. Names are what can be shown, not handles. */
  readonly skipped: readonly SkippedFile[];
  /** True when the tree held more entries than were looked at or listed. */
  readonly truncated: boolean;
}

export interface SkippedFile {
  /** Path within the workspace; bytes that aren't UTF-8 stand as U+FFFD. */
  readonly name: string;
  readonly reason: SkipReason;
}

/** Why a path of the workspace isn't among the artifacts. */
export const SKIP_REASONS = [
  'symlink',
  'hard_link',
  'not_a_file',
  'unreadable',
  'name_not_utf8',
  'name_too_long',
  'too_deep',
  'too_large',
  'too_many',
  'changed_while_read',
] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

export interface DiskUsage {
  readonly bytes: number;
  readonly inodes: number;
}

export type WorkspaceErrorCode = 'exists' | 'no_space' | 'unavailable';

/** `message` and `cause` name paths: for the log, never for a client. */
export class WorkspaceError extends Error {
  override readonly name = 'WorkspaceError';
  readonly code: WorkspaceErrorCode;

  constructor(code: WorkspaceErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}
