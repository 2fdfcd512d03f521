import { AppError } from '../errors.ts';
import { type Workspace, WorkspaceError, type Workspaces } from '../workspace.ts';
import { createEventLog, type EventLog } from './event-log.ts';
import type { JobFile, JobRecord } from './job.ts';
import type { JobOrder, RunningJob } from './running-job.ts';

/**
 * Gives a job its folder, its record and its first event, so that whoever knows its id finds it whatever becomes of this
 * process. Rejects with `storage_full` or `internal`; then nothing is left.
 *
 * @param position the job's place in the queue; 0 when it needn't wait
 */
export async function acceptJob(
  workspaces: Workspaces,
  order: JobOrder,
  position: number,
): Promise<RunningJob> {
  const record = toQueued(order);
  try {
    const workspace = await workspaces.create({ sessionId: order.sessionId, jobId: order.id });
    const log = await begin(workspace, record).catch(async (error) => {
      await workspace.remove().catch((err) => order.logger.warn({ err }, 'a folder of no job is left'));
      throw error;
    });
    log.append([{ kind: 'queued', position }]);
    return { ...order, workspace, log, record, stop: new AbortController() };
  } catch (error) {
    throw toStorageError(error);
  }
}

/** Leaves nothing of a job that never ran. Never rejects: what can't be removed now is seen at the next start. */
export async function forgetJob({ log, workspace, logger }: RunningJob): Promise<void> {
  await log.close().catch(() => {});
  await workspace
    .remove()
    .catch((err) => logger.warn({ err }, 'the folder of a job that never ran is left to the next start'));
}

async function begin(workspace: Workspace, record: JobRecord): Promise<EventLog> {
  await workspace.writeControl('job.json', { ...record, inputs: [] } satisfies JobFile);
  return createEventLog(await workspace.openOutput('events'));
}

function toQueued({ id, sessionId, owner, tool, limits }: JobOrder): JobRecord {
  return {
    version: 1,
    id,
    sessionId,
    ...(owner === undefined ? {} : { owner }),
    tool: tool.name,
    status: 'queued',
    limits,
    createdAt: new Date().toISOString(),
  };
}

/** What the storage folder's failure is called to a client; any other error passes. */
export function toStorageError(error: unknown): unknown {
  if (!(error instanceof WorkspaceError)) return error;
  const message =
    error.code === 'no_space'
      ? 'The storage folder is full: delete old sessions or enlarge its disk.'
      : "The storage folder can't be used: see the service's log by the requestId.";
  return new AppError(error.code === 'no_space' ? 'storage_full' : 'internal', message, { cause: error });
}
