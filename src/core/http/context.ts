import type { Hono } from 'hono';
import type { ArtifactStore } from '../artifact-store.ts';
import type { EngineGate } from '../engine-gate.ts';
import type { Logger } from '../logger.ts';
import type { GuardOptions } from '../request-guard.ts';
import type { Supervisor } from '../supervisor.ts';
import type { ToolRegistry } from '../tool-registry.ts';

/** What the routes are built on. */
export interface AppDependencies {
  readonly tools: ToolRegistry;
  readonly supervisor: Supervisor;
  readonly store: ArtifactStore;
  readonly gate: EngineGate;
  readonly logger: Logger;
  readonly guard: GuardOptions;
  readonly maxBodyBytes: number;
}

/** What middleware leaves for the routes. */
export interface AppVariables {
  requestId: string;
  logger: Logger;
  /** What artifact URLs of this answer start with, without a trailing `/`. */
  baseUrl: string;
}

export type App = Hono<{ Variables: AppVariables }>;
