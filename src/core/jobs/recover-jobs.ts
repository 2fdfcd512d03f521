import type { ArtifactStore } from '../artifact-store.ts';
import { collectArtifacts } from '../collect-artifacts.ts';
import { JOB_ID_PATTERN } from '../ids.ts';
import type { Logger } from '../logger.ts';
import { headLength } from '../output-collector.ts';
import { type JobRef, jobKey, type StreamName, type Workspace, type Workspaces } from '../workspace.ts';
import { completeIndex, type LeftStream } from './complete-index.ts';
import { type InterruptedJob, isJobFile, type JobFailure, type JobRecord, type Manifest } from './job.ts';
import { writeManifest } from './manifest.ts';
import { toStopped, UNKNOWN_END } from './run-job.ts';

export interface RecoverJobsOptions {
  readonly workspaces: Workspaces;
  readonly store: ArtifactStore;
  /** Whether this process has the job in its hands. */
  readonly isHeld: (jobId: string) => boolean;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/**
 * Brings jobs that an earlier process left unfinished to their end. What a program wrote gets a manifest that says that nobody
 * saw how it ended; a job that still waited gets one that says that it never ran; a folder without a record is removed. No
 * container of theirs may be alive.
 */
export async function recoverJobs(options: RecoverJobsOptions): Promise<void> {
  const { workspaces, isHeld, signal, logger } = options;
  for await (const ref of workspaces.list()) {
    if (signal.aborted) return;
    // Somebody else's folder may look like a job's; ids like ours are ours.
    if (!JOB_ID_PATTERN.test(ref.jobId) || isHeld(ref.jobId)) continue;
    await recoverJob(options, ref).catch((err) =>
      logger.error({ err, job: ref.jobId }, 'an interrupted job could not be brought to its end'),
    );
  }
}

async function recoverJob({ workspaces, store, logger }: RecoverJobsOptions, ref: JobRef): Promise<void> {
  // Whatever stands there, of another version perhaps: it's never replaced.
  if ((await store.headObject(jobKey(ref, 'manifest.json'))) !== undefined) return;
  const workspace = await workspaces.open(ref);
  if (workspace === undefined) return;
  const interrupted = await workspace.readControl('job.json');
  if (!isJobFile(interrupted)) {
    const unreadable = (await store.headObject(jobKey(ref, 'job.json'))) !== undefined;
    if (unreadable) logger.error({ job: ref.jobId }, 'job.json is unreadable: the folder is left as it is');
    else await workspace.remove();
    return;
  }
  const manifest =
    interrupted.status === 'queued'
      ? withoutFiles(toInterrupted(interrupted))
      : await toManifest(store, workspace, interrupted);
  await writeManifest(store, ref, {
    ...manifest,
    job: { ...manifest.job, endedAt: new Date().toISOString() },
  });
  const { error } = manifest.job;
  logger.warn(
    { job: ref.jobId, code: error?.code },
    'a job that the end of the service interrupted is closed',
  );
}

const NEVER_RAN: JobFailure = {
  code: 'shutting_down',
  message: 'The service ended before the job had its turn, and nothing of it ran: send it again.',
};

/** How a job is told whose process ended before it did. */
export function toInterrupted({ inputs: _inputs, ...record }: InterruptedJob): JobRecord {
  const { endedAt: _now, ...stopped } =
    record.status === 'queued'
      ? toStopped(record, { error: NEVER_RAN })
      : toStopped(record, { error: UNKNOWN_END });
  return record.status === 'queued' ? stopped : { ...stopped, outputComplete: false };
}

function withoutFiles(job: JobRecord): Manifest {
  return { version: 1, job, files: [], skipped: [], truncated: false };
}

async function toManifest(
  store: ArtifactStore,
  workspace: Workspace,
  interrupted: InterruptedJob,
): Promise<Manifest> {
  const { inputs, limits } = interrupted;
  const stdout = await findLeft(workspace, 'stdout', limits);
  const stderr = await findLeft(workspace, 'stderr', limits);
  await completeIndex(workspace, limits.outputBytes, { stdout, stderr });
  const streams = { stdout: stdout.output, stderr: stderr.output };
  const artifacts = await collectArtifacts({ workspace, store, inputs, streams });
  return { version: 1, job: toInterrupted(interrupted), ...artifacts };
}

/** A stream that had filled its file was going round in it; how much it had lost, and where it was, went with the process. */
async function findLeft(
  workspace: Workspace,
  name: StreamName,
  { outputBytes }: JobRecord['limits'],
): Promise<LeftStream> {
  // Killed between its record and its streams, a job has none yet.
  await (await workspace.openOutput(name)).close();
  const { size } = await workspace.describe(name);
  if (size < outputBytes) return { size, output: { truncated: false, omittedBytes: 0 } };
  const start = headLength(outputBytes);
  return {
    size,
    output: { truncated: true, omittedBytes: undefined, tail: { start, length: size - start } },
  };
}
