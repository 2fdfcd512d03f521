import { collectArtifacts } from './collect-artifacts.ts';
import { AppError } from './errors.ts';
import type { JobRecord, Manifest, ProgramEnd, Timings } from './job.ts';
import type { Logger } from './logger.ts';
import { writeManifest } from './manifest.ts';
import { type CapturedStreams, openStreams } from './output-collector.ts';
import type { JobHouse, RunningJob } from './running-job.ts';
import { createToolContext, type ToolTrace } from './tool-context.ts';
import { type Workspace, WorkspaceError } from './workspace.ts';

/**
 * Runs an admitted job: folder, tool, artifacts, manifest. Resolves with the manifest whatever way the program ended.
 * When no program ran it rejects and the folder is gone; when one ran and its artifacts couldn't be kept it rejects with
 * `infra_error`, and what there is stays in the folder.
 */
export async function runJob(house: JobHouse, job: RunningJob): Promise<Manifest> {
  const begun = performance.now();
  try {
    const workspace = await house.workspaces.create({ sessionId: job.sessionId, jobId: job.id });
    return await runInWorkspace(house, job, workspace, begun);
  } catch (error) {
    throw toStorageError(error);
  }
}

async function runInWorkspace(
  house: JobHouse,
  job: RunningJob,
  workspace: Workspace,
  begun: number,
): Promise<Manifest> {
  const record = toCreated(job);
  const streams = await openStreams(workspace, job.limits.outputBytes).catch(abandon(workspace, job.logger));
  const { context, trace } = createToolContext({ house, job, record, workspace, streams });
  const prepareMs = performance.now() - begun;
  let end: ProgramEnd | undefined;
  try {
    end = await endOf(job, job.tool.execute(job.input, context));
  } catch (error) {
    await streams.finish().catch(() => {});
    return await abandon(workspace, job.logger)(error);
  }
  try {
    return await settle(house, job, workspace, { record, trace, end, prepareMs, streams });
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

interface EndedRun {
  readonly record: JobRecord;
  readonly trace: ToolTrace;
  readonly end: ProgramEnd | undefined;
  readonly prepareMs: number;
  readonly streams: CapturedStreams;
}

async function settle(
  house: JobHouse,
  job: RunningJob,
  workspace: Workspace,
  run: EndedRun,
): Promise<Manifest> {
  const { record, trace, end } = run;
  const begun = performance.now();
  const streams = await run.streams.finish();
  const artifacts = await collectArtifacts({ workspace, store: house.store, inputs: trace.inputs, streams });
  await trace.removed;
  const timings = toTimings(job, trace, run.prepareMs, performance.now() - begun);
  const manifest: Manifest = { version: 1, job: toStopped(record, trace, end, timings), ...artifacts };
  await writeManifest(house.store, workspace.job, manifest);
  job.logger.info({ outcome: end?.outcome ?? 'infra_error', exitCode: end?.exitCode, timings }, 'job done');
  return manifest;
}

/** Nothing is left of a job whose program never ran. */
function abandon(workspace: Workspace, logger: Logger): (error: unknown) => Promise<never> {
  return async (error) => {
    await workspace.remove().catch((err) => logger.warn({ err }, 'the folder of an abandoned job is left'));
    throw error;
  };
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

function toCreated({ id, sessionId, owner, tool, limits }: RunningJob): JobRecord {
  return {
    version: 1,
    id,
    sessionId,
    ...(owner === undefined ? {} : { owner }),
    tool: tool.name,
    status: 'created',
    limits,
    createdAt: new Date().toISOString(),
  };
}

function toStopped(
  record: JobRecord,
  trace: ToolTrace,
  end: ProgramEnd | undefined,
  timings: Timings,
): JobRecord {
  return {
    ...record,
    status: 'stopped',
    ...(trace.startedAt === undefined ? {} : { startedAt: trace.startedAt }),
    endedAt: new Date().toISOString(),
    ...(end === undefined ? {} : { end }),
    ...(trace.outputComplete ? {} : { outputComplete: false as const }),
    timings,
  };
}

function toTimings(job: RunningJob, trace: ToolTrace, prepareMs: number, collectMs: number): Timings {
  const { create, start, run } = trace.timings;
  return {
    queue: Math.round(job.queueMs),
    create: Math.round(prepareMs + create),
    start: Math.round(start),
    run: Math.round(run),
    collect: Math.round(collectMs),
  };
}

function toStorageError(error: unknown): unknown {
  if (!(error instanceof WorkspaceError)) return error;
  const message =
    error.code === 'no_space'
      ? 'The storage folder is full: delete old sessions or enlarge its disk.'
      : "The storage folder can't be used: see the service's log by the requestId.";
  return new AppError(error.code === 'no_space' ? 'storage_full' : 'internal', message, { cause: error });
}
