import type { ArtifactStore } from './artifact-store.ts';
import type { ContainerRuntime, LimitName } from './container-runtime.ts';
import type { Limits, RequestedLimits } from './limits.ts';
import type { Logger } from './logger.ts';
import type { Sandboxes } from './sandboxes.ts';
import type { ToolHandler } from './tool-handler.ts';
import type { Workspaces } from './workspace.ts';

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

/** A job that was admitted and has not ended. */
export interface RunningJob {
  readonly id: string;
  readonly sessionId: string;
  readonly owner: string | undefined;
  readonly tool: ToolHandler;
  readonly input: RequestedLimits;
  readonly limits: Limits;
  /** Ends the run; the first abort's reason is the cause. */
  readonly stop: AbortController;
  readonly queueMs: number;
  readonly logger: Logger;
}
