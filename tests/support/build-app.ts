import { createAdmission } from '../../src/core/admission.ts';
import { type ApiKeySetting, createApiKeys } from '../../src/core/api-keys.ts';
import type { ContainerRuntime } from '../../src/core/container-runtime.ts';
import { createEngineGate } from '../../src/core/engine-gate.ts';
import { createHmac } from '../../src/core/hmac.ts';
import { createApp } from '../../src/core/http/app.ts';
import type { App, AppDependencies } from '../../src/core/http/context.ts';
import { createIdempotency } from '../../src/core/jobs/idempotency.ts';
import { createJobCatalog } from '../../src/core/jobs/job-catalog.ts';
import { createJobCloser, type JobCloser } from '../../src/core/jobs/job-closer.ts';
import { DEFAULT_POLICY } from '../../src/core/limits.ts';
import { type Logger, silentLogger } from '../../src/core/logger.ts';
import { type Metrics, noMetrics } from '../../src/core/metrics.ts';
import { createSandboxes } from '../../src/core/sandboxes.ts';
import { createSupervisor, type Supervisor } from '../../src/core/supervisor.ts';
import { createToolRegistry } from '../../src/core/tool-registry.ts';
import { createUrlSigner } from '../../src/core/url-signer.ts';
import type { Storage } from '../../src/storage/index.ts';
import { codeExecution } from '../../src/tools/code-execution.ts';

export interface AppOptions {
  readonly guard?: Partial<AppDependencies['guard']>;
  readonly examine?: AppDependencies['examine'];
  readonly maxRunning?: number;
  readonly maxQueued?: number;
  readonly queueTimeoutMs?: number;
  readonly keys?: readonly ApiKeySetting[];
  readonly ttlSeconds?: number;
  readonly maxInFlight?: number;
  readonly maxBodyBytes?: number;
  readonly resumeGraceMs?: number;
  readonly metrics?: Metrics;
  readonly logger?: Logger;
}

export const APP_BASE = 'http://127.0.0.1:8080';

const SECRET = new Uint8Array(32).fill(7);

export interface BuiltApp {
  readonly app: App;
  readonly supervisor: Supervisor;
  readonly closer: JobCloser;
  /** What it was built on. */
  readonly deps: AppDependencies;
}

/** The application as the service builds it, on a storage and an engine of the test's, with a gate that finds all limits good. */
export async function buildApp(
  storage: Storage,
  runtime: ContainerRuntime,
  options: AppOptions = {},
): Promise<BuiltApp> {
  const { store, workspaces, instanceId } = storage;
  const apiKeys = await createApiKeys(options.keys ?? []);
  const logger = options.logger ?? silentLogger;
  const shared = { runtime, image: 'aa-worker:latest', ociRuntime: undefined, logger };
  const probeLimits = async () => ({ cpu: true, memory: true, pids: true, network: true });
  const gate = createEngineGate({
    ...shared,
    allowUnenforced: [],
    probeStorage: async () => {},
    probeLimits,
  });
  const closer = createJobCloser({ workspaces, store, isHeld: (jobId) => supervisor.holds(jobId), logger });
  const supervisor = createSupervisor({
    ...shared,
    onUnkept: (job) => closer.add(job),
    workspaces,
    store,
    sandboxes: createSandboxes({ runtime, instanceId, logger }),
    admission: createAdmission({
      maxRunning: options.maxRunning ?? 2,
      maxQueued: options.maxQueued ?? 0,
      queueTimeoutMs: options.queueTimeoutMs ?? 1000,
      callers: apiKeys.names,
    }),
    gate,
    policy: DEFAULT_POLICY,
    resumeGraceMs: options.resumeGraceMs ?? 1000,
    metrics: options.metrics ?? noMetrics,
  });
  const catalog = createJobCatalog({ workspaces, store, supervisor });
  const tools = createToolRegistry();
  tools.register(codeExecution);
  const deps: AppDependencies = {
    tools,
    supervisor,
    catalog,
    idempotency: createIdempotency({ hmac: await createHmac(SECRET), claims: storage.claims, catalog }),
    store,
    gate,
    examine: options.examine ?? (async () => []),
    logger,
    metrics: options.metrics ?? noMetrics,
    guard: { allowedHosts: [], corsOrigins: [], publicUrl: undefined, ...options.guard },
    apiKeys,
    urlSigner: await createUrlSigner(SECRET, options.ttlSeconds ?? 60),
    maxBodyBytes: options.maxBodyBytes ?? 64 * 1024,
    maxInFlight: options.maxInFlight ?? 8,
  };
  return { app: createApp(deps), supervisor, closer, deps };
}
