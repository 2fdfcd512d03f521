import type { ArtifactStore } from '../artifact-store.ts';
import type { ContainerRuntime, LimitName } from '../container-runtime.ts';
import type { Limits, RequestedLimits } from '../limits.ts';
import type { Logger } from '../logger.ts';
import type { Sandboxes } from '../sandboxes.ts';
import type { ToolHandler } from '../tool-handler.ts';
import type { Workspace, Workspaces } from '../workspace.ts';
import type { EventLog } from './event-log.ts';
import type { JobRecord } from './job.ts';

/** What a job needs of the supervisor that runs it. */
export interface JobHouse {
  readonly runtime: ContainerRuntime;
  readonly workspaces: Workspaces;
  readonly store: ArtifactStore;
  readonly sandboxes: Sandboxes;
  readonly image: string;
  readonly ociRuntime: string | undefined;
  /** Limits that the operator lets go unenforced; absent: none. */
  readonly allowUnenforced?: readonly LimitName[];
}

/** Why a job is to end before its program does; the first cause stays. */
export type StopReason = 'canceled' | 'disk_limit' | 'abandoned';

/** What a job is to do. */
export interface JobOrder {
  readonly id: string;
  readonly sessionId: string;
  readonly owner: string | undefined;
  readonly tool: ToolHandler;
  readonly input: RequestedLimits;
  readonly limits: Limits;
  readonly logger: Logger;
}

/** A job that was accepted and has not ended. */
export interface RunningJob extends JobOrder {
  readonly workspace: Workspace;
  readonly log: EventLog;
  /** Ends the job; the first abort's reason is a {@link StopReason}. */
  readonly stop: AbortController;
  /** As far as it has come. */
  record: JobRecord;
}
