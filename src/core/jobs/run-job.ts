import { collectArtifacts } from '../collect-artifacts.ts';
import { AppError } from '../errors.ts';
import type { CapturedStreams } from '../output-collector.ts';
import { endBeforeStart } from '../run-container.ts';
import { createToolContext, emptyTrace, type ToolTrace } from '../tool-context.ts';
import { openCapture } from './capture.ts';
import type { JobFailure, JobRecord, Manifest, ProgramEnd, Timings } from './job.ts';
import { keepEnd } from './manifest.ts';
import type { JobHouse, RunningJob } from './running-job.ts';

/** What a run's end being unknown is called, wherever it's told. */
export const UNKNOWN_END: JobFailure = {
  code: 'infra_error',
  message: 'It could not be found out how the run ended; what output there was is kept: run it again.',
};

/** Milliseconds that a job took before its turn. */
export interface BeforeRun {
  /** For the engine to be verified, and for its turn. */
  readonly waitedMs: number;
  /** To get its folder. */
  readonly acceptMs: number;
}

/**
 * Runs a job that has its turn: tool, artifacts, manifest. Resolves with the manifest whatever way the program ended. Rejects
 * when no program ran; when one ran and its artifacts couldn't be kept it rejects with `infra_error`, and what there is stays
 * in the folder.
 */
export async function runJob(house: JobHouse, job: RunningJob, before: BeforeRun): Promise<Manifest> {
  const begun = performance.now();
  const streams = await openCapture(job.workspace, job.log, job.limits.outputBytes);
  const { context, trace } = createToolContext({ house, job, streams });
  const prepareMs = before.acceptMs + performance.now() - begun;
  let end: ProgramEnd | undefined;
  try {
    end = await endOf(job, job.tool.execute(job.input, context));
  } catch (error) {
    await streams.finish().catch(() => {});
    throw error;
  }
  try {
    return await settle(house, job, { trace, end, queueMs: before.waitedMs, prepareMs, streams });
  } catch (error) {
    job.logger.error({ err: error }, 'the artifacts of a run could not be kept');
    const message =
      'The run ended, but its files could not be kept: see the log of the service, then run it again.';
    throw new AppError('infra_error', message, {
      cause: error,
      details: { id: job.id, sessionId: job.sessionId },
    });
  }
}

/**
 * Ends a job that was cancelled before its turn: its answer is that of a program which was ended before it began. The tool isn't
 * called and no input written, so that it costs nothing for which turns are counted.
 */
export async function endUnrun(house: JobHouse, job: RunningJob, before: BeforeRun): Promise<Manifest> {
  const streams = await openCapture(job.workspace, job.log, job.limits.outputBytes);
  const end = endBeforeStart(job.stop.signal);
  const { waitedMs: queueMs, acceptMs: prepareMs } = before;
  return settle(house, job, { trace: emptyTrace(), end, queueMs, prepareMs, streams });
}

interface EndedRun {
  readonly trace: ToolTrace;
  readonly end: ProgramEnd | undefined;
  readonly queueMs: number;
  readonly prepareMs: number;
  readonly streams: CapturedStreams;
}

async function settle(house: JobHouse, job: RunningJob, run: EndedRun): Promise<Manifest> {
  const { trace, end } = run;
  const begun = performance.now();
  const streams = await run.streams.finish();
  await job.log.close();
  const { workspace } = job;
  const artifacts = await collectArtifacts({ workspace, store: house.store, inputs: trace.inputs, streams });
  await trace.removed;
  const timings = toTimings(run, performance.now() - begun);
  const stopped: JobRecord = {
    ...toStopped(job.record, end === undefined ? { error: UNKNOWN_END } : { end }),
    ...(trace.outputComplete ? {} : { outputComplete: false as const }),
    timings,
  };
  const manifest: Manifest = { version: 1, job: stopped, ...artifacts };
  await keepEnd(house.store, workspace, manifest, job.logger);
  job.logger.info({ outcome: end?.outcome ?? 'infra_error', exitCode: end?.exitCode, timings }, 'job done');
  return manifest;
}

/** The program's end; `undefined` when a program may have run and its end couldn't be found out. */
async function endOf(job: RunningJob, execution: Promise<ProgramEnd>): Promise<ProgramEnd | undefined> {
  try {
    return await execution;
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'infra_error')) throw error;
    job.logger.error({ err: error.cause ?? error }, 'the end of the run could not be found out');
    return undefined;
  }
}

/** A job's record once it has stopped: which container served it concerns nobody any more. */
export function toStopped(
  { sandbox: _sandbox, ...record }: JobRecord,
  how: Pick<JobRecord, 'end'> | Pick<JobRecord, 'error'>,
): JobRecord {
  return { ...record, status: 'stopped', endedAt: new Date().toISOString(), ...how };
}

function toTimings({ trace, queueMs, prepareMs }: EndedRun, collectMs: number): Timings {
  const { create, start, run } = trace.timings;
  return {
    queue: Math.round(queueMs),
    create: Math.round(prepareMs + create),
    start: Math.round(start),
    run: Math.round(run),
    collect: Math.round(collectMs),
  };
}
