import type { Readable } from 'node:stream';
import type {
  ContainerExit,
  ContainerId,
  ContainerIo,
  RunningContainer,
} from '../../core/container-runtime.ts';
import type { Logger } from '../../core/logger.ts';
import type { InspectedContainer } from './inspected-container.ts';
import { type KeptOutput, keepOutput, type OutputOptions } from './keep-output.ts';
import { createSinkQueue } from './sink-queue.ts';

export interface Run extends Pick<OutputOptions, 'stillRuns' | 'reattach' | 'onOutputEnded'> {
  readonly id: ContainerId;
  /** The container's output, attached before the start. */
  readonly output: Readable;
  readonly io: ContainerIo;
  /** The engine's record once it says that the container has ended. */
  readonly ended: Promise<InspectedContainer>;
  readonly logger: Logger;
}

/** Brings a started container's output to its sinks, and tells the end once both output and record are complete. */
export function followRun({ io, ended, ...rest }: Run): RunningContainer {
  const queues = { stdout: createSinkQueue(io.stdout), stderr: createSinkQueue(io.stderr) };
  const exited = settle(ended, keepOutput({ ...rest, ended, queues }));
  // The caller may look at `exited` later; until then a rejection must not end the process.
  exited.catch(() => {});
  return { exited };
}

/** A program that the engine couldn't execute: it ended before it wrote anything. */
export function neverRan(exitCode: number): RunningContainer {
  return { exited: Promise.resolve({ exitCode, oomKilled: false, durationMs: 0, outputComplete: true }) };
}

async function settle(ended: Promise<InspectedContainer>, kept: Promise<KeptOutput>): Promise<ContainerExit> {
  const [output, end] = await Promise.allSettled([kept, ended]);
  if (end.status === 'rejected') throw end.reason;
  const { state, startedAt, finishedAt } = end.value;
  return {
    exitCode: state.exitCode ?? 0,
    oomKilled: state.oomKilled,
    durationMs: startedAt === undefined || finishedAt === undefined ? 0 : Math.max(0, finishedAt - startedAt),
    outputComplete: output.status === 'fulfilled' && output.value.complete(finishedAt),
  };
}
