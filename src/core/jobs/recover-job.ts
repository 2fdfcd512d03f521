import type { ArtifactStore } from '../artifact-store.ts';
import { collectArtifacts } from '../collect-artifacts.ts';
import type { Logger } from '../logger.ts';
import { type JobRef, jobKey, type StreamName, type Workspace, type Workspaces } from '../workspace.ts';
import { completeIndex } from './complete-index.ts';
import {
  isJobFile,
  type JobFailure,
  type JobFile,
  type JobRecord,
  type Manifest,
  withoutFiles,
} from './job.ts';
import { keepEnd } from './manifest.ts';
import { toStopped, UNKNOWN_END } from './run-job.ts';

export interface RecoverJobOptions {
  readonly workspaces: Workspaces;
  readonly store: ArtifactStore;
  readonly logger: Logger;
}

/**
 * Brings a job to its end whose process ended, or failed, before it did. What a program wrote gets a manifest that says that
 * nobody saw how it ended; a job that still waited gets one that says that it never ran; a folder without a record is removed.
 * No container of it may be alive, and nobody may have it in their hands. Safe to repeat.
 */
export async function recoverJob(
  { workspaces, store, logger }: RecoverJobOptions,
  ref: JobRef,
): Promise<void> {
  // Whatever stands there, of another version perhaps: it's never replaced.
  if ((await store.headObject(jobKey(ref, 'manifest.json'))) !== undefined) return;
  const workspace = await workspaces.open(ref);
  if (workspace === undefined) return;
  const left = await workspace.readControl('job.json');
  if (!isJobFile(left)) {
    const unreadable = (await store.headObject(jobKey(ref, 'job.json'))) !== undefined;
    if (unreadable) logger.error({ job: ref.jobId }, 'job.json is unreadable: the folder is left as it is');
    else await workspace.remove();
    return;
  }
  const manifest =
    left.status === 'queued' ? withoutFiles(toClosed(left)) : await toManifest(store, workspace, left);
  await keepEnd(store, workspace, manifest, logger);
  const { error } = manifest.job;
  logger.warn({ job: ref.jobId, code: error?.code }, 'a job that was interrupted is closed');
}

const NEVER_RAN: JobFailure = {
  code: 'shutting_down',
  message: 'The service ended before the job had its turn, and nothing of it ran: send it again.',
};

function toClosed({ inputs: _inputs, ...record }: JobFile): JobRecord {
  if (record.status === 'stopped') return record;
  return record.status === 'queued'
    ? toStopped(record, { error: NEVER_RAN })
    : { ...toStopped(record, { error: UNKNOWN_END }), outputComplete: false };
}

async function toManifest(store: ArtifactStore, workspace: Workspace, left: JobFile): Promise<Manifest> {
  const { inputs = [], limits } = left;
  const sizes = { stdout: await sizeOf(workspace, 'stdout'), stderr: await sizeOf(workspace, 'stderr') };
  const streams = await completeIndex(workspace, limits.outputBytes, sizes);
  const artifacts = await collectArtifacts({ workspace, store, inputs, streams });
  return { version: 1, job: toClosed(left), ...artifacts };
}

/** Bytes that were captured of a stream. */
async function sizeOf(workspace: Workspace, name: StreamName): Promise<number> {
  // Killed between its record and its streams, a job has none yet.
  await (await workspace.openOutput(name)).close();
  return (await workspace.describe(name)).size;
}
