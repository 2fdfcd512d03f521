import type { ArtifactStore } from './artifact-store.ts';
import { collectArtifacts } from './collect-artifacts.ts';
import { JOB_ID_PATTERN } from './ids.ts';
import type { InterruptedJob, JobRecord, Manifest } from './job.ts';
import type { Logger } from './logger.ts';
import { writeManifest } from './manifest.ts';
import type { CollectedOutput } from './output-collector.ts';
import { type JobRef, jobKey, type Workspace, type Workspaces } from './workspace.ts';

export interface RecoverJobsOptions {
  readonly workspaces: Workspaces;
  readonly store: ArtifactStore;
  /** Whether this process runs the job now. */
  readonly isRunning: (jobId: string) => boolean;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/**
 * Brings jobs that an earlier process left unfinished to their end: what their programs wrote gets a manifest that has no
 * `end`, because nobody saw it; a folder whose program never started is removed. No container of theirs may be alive.
 */
export async function recoverJobs(options: RecoverJobsOptions): Promise<void> {
  const { workspaces, isRunning, signal, logger } = options;
  for await (const ref of workspaces.list()) {
    if (signal.aborted) return;
    // Somebody else's folder may look like a job's; ids like ours are ours.
    if (!JOB_ID_PATTERN.test(ref.jobId) || isRunning(ref.jobId)) continue;
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
  if (!isInterrupted(interrupted)) {
    const unreadable = (await store.headObject(jobKey(ref, 'job.json'))) !== undefined;
    if (unreadable) logger.error({ job: ref.jobId }, 'job.json is unreadable: the folder is left as it is');
    else await workspace.remove();
    return;
  }
  await writeManifest(store, ref, await toManifest(store, workspace, interrupted));
  logger.warn(
    { job: ref.jobId },
    'a job that was interrupted by the end of the service is closed as infra_error',
  );
}

async function toManifest(
  store: ArtifactStore,
  workspace: Workspace,
  { inputs, ...record }: InterruptedJob,
): Promise<Manifest> {
  const streams = {
    stdout: await interruptedStream(workspace, 'stdout', record),
    stderr: await interruptedStream(workspace, 'stderr', record),
  };
  const artifacts = await collectArtifacts({ workspace, store, inputs, streams });
  const job: JobRecord = {
    ...record,
    status: 'stopped',
    endedAt: new Date().toISOString(),
    outputComplete: false,
  };
  return { version: 1, job, ...artifacts };
}

/** A stream that had filled its file was going round in it; how much it had lost went with the process. */
async function interruptedStream(
  workspace: Workspace,
  name: 'stdout' | 'stderr',
  { limits }: JobRecord,
): Promise<CollectedOutput> {
  const { size } = await workspace.describe(name);
  return size >= limits.outputBytes
    ? { truncated: true, omittedBytes: undefined }
    : { truncated: false, omittedBytes: 0 };
}

function isInterrupted(value: unknown): value is InterruptedJob {
  return (
    typeof value === 'object' &&
    value !== null &&
    'version' in value &&
    value.version === 1 &&
    'inputs' in value
  );
}
