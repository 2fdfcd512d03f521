import type { Context, Hono } from 'hono';
import type { ApiKeys, Caller } from '../api-keys.ts';
import type { ArtifactStore } from '../artifact-store.ts';
import type { EngineGate } from '../engine-gate.ts';
import type { ErrorCode } from '../errors.ts';
import type { Finding } from '../finding.ts';
import type { Idempotency } from '../jobs/idempotency.ts';
import type { JobCatalog } from '../jobs/job-catalog.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import type { GuardOptions } from '../request-guard.ts';
import type { Supervisor } from '../supervisor.ts';
import type { ToolRegistry } from '../tool-registry.ts';
import type { UrlSigner } from '../url-signer.ts';
import type { UrlOptions } from './execute-response.ts';

/** What the routes are built on. */
export interface AppDependencies {
  readonly tools: ToolRegistry;
  readonly supervisor: Supervisor;
  readonly catalog: JobCatalog;
  readonly idempotency: Idempotency;
  readonly store: ArtifactStore;
  readonly gate: EngineGate;
  /** What was looked at on this host, and measured once. Never rejects. */
  readonly examine: () => Promise<readonly Finding[]>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly guard: GuardOptions;
  readonly apiKeys: ApiKeys;
  readonly urlSigner: UrlSigner;
  /** Of one request's body; see `body-bound.ts` for that of all. */
  readonly maxBodyBytes: number;
  /** Requests whose bodies may be held at once. */
  readonly maxInFlight: number;
}

/** What middleware leaves for the routes. */
export interface AppVariables {
  requestId: string;
  logger: Logger;
  /** What artifact URLs of this answer start with, without a trailing `/`. */
  baseUrl: string;
  /** Who calls; absent on a route that asks for no key, and while a signed URL stands in for one. */
  caller: Caller | undefined;
  /** Of the error that was answered, for log and counts. */
  errorCode: ErrorCode | undefined;
}

export type AppContext = Context<{ Variables: AppVariables }>;

/** How this answer's URLs are made. */
export function urlOptions(c: AppContext, deps: AppDependencies): UrlOptions {
  return { baseUrl: c.get('baseUrl'), signer: deps.apiKeys.required ? deps.urlSigner : undefined };
}

export type App = Hono<{ Variables: AppVariables }>;
