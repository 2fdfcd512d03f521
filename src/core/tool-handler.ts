import type { GenericSchema, InferOutput } from 'valibot';
import type { ProgramEnd } from './jobs/job.ts';
import type { Limits, RequestedLimits } from './limits.ts';
import type { Logger } from './logger.ts';
import type { InputFile } from './workspace.ts';

/**
 * A tool. It knows its input and what to run; it never sees an engine, a store or HTTP.
 *
 * `input` describes the tool's own fields. Fields named `timeoutMs` and `limits` are read by the supervisor
 * (see `runOptionEntries` in `schemas.ts`); a tool without them runs with the defaults.
 */
export interface ToolHandler<S extends ToolInputSchema = ToolInputSchema> {
  /** What callers name it by: lower-case letters, digits and `_`. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: S;
  execute(input: InferOutput<S>, context: ToolContext): Promise<ToolResult>;
}

export type ToolInputSchema = GenericSchema<unknown, RequestedLimits>;

/** All that a tool can reach. */
export interface ToolContext {
  readonly jobId: string;
  /** Aborts when the run shall end: client gone, cancelled, shutdown. */
  readonly signal: AbortSignal;
  readonly limits: Limits;
  readonly logger: Logger;
  /**
   * Puts input files into `/workspace`. At most once, before the program runs. When `signal` aborts it leaves the rest out and
   * resolves: the program then doesn't start.
   */
  writeInputs(files: readonly InputFile[]): Promise<void>;
  /** Runs one program in a container of its own, to its end or its limit. At most once. */
  runContainer(program: Program): Promise<ProgramEnd>;
}

/** What to run in the worker image, with `/workspace` as its working directory. */
export interface Program {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Bytes to read from standard input; absent: it's at its end. */
  readonly stdin?: Uint8Array;
}

export type ToolResult = ProgramEnd;
