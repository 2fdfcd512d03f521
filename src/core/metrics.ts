import type { ErrorCode } from './errors.ts';
import type { Outcome, Timings } from './jobs/job.ts';
import { LANGUAGES, type Language } from './schemas.ts';

/** How one job ended, for counting. Each field but `timings` has few values: never an id, a session or a caller. */
export interface JobCount {
  /** Name of a registered tool. */
  readonly tool: string;
  readonly language: Language | 'none';
  /** Why the program ended, or the code of the error that stood in its way. */
  readonly outcome: Outcome | ErrorCode;
  /** Absent when no program ran. */
  readonly timings?: Timings;
}

/** What the parts of the service tell as they work. No method throws, waits, or keeps what it's given. */
export interface Metrics {
  /** A job that was accepted has stopped. */
  jobStopped(job: JobCount): void;
  /** A call to the engine failed; `code` of its `RuntimeError`, `unknown` for anything else. */
  engineFailed(code: string): void;
  /** A call to the artifact store or the job folders failed; likewise. */
  storeFailed(code: string): void;
  /** A request was answered with an error. */
  errorAnswered(code: ErrorCode): void;
  /** All that was told so far, and what is true now. */
  render(now: LoadNow): Promise<MetricsPage>;
}

/** Jobs of this process that have a turn, and that wait for one. */
export interface LoadNow {
  readonly running: number;
  readonly queued: number;
}

export interface MetricsPage {
  /** The media type, with its version. */
  readonly type: string;
  readonly text: string;
}

/** Counts nothing. */
export const noMetrics: Metrics = {
  jobStopped: () => {},
  engineFailed: () => {},
  storeFailed: () => {},
  errorAnswered: () => {},
  render: async () => ({ type: 'text/plain; version=0.0.4; charset=utf-8', text: '' }),
};

/** The language that a tool's input names, when it's one of ours. */
export function languageOf(input: object): Language | 'none' {
  const named: unknown = 'language' in input ? input.language : undefined;
  return LANGUAGES.find((language) => language === named) ?? 'none';
}
