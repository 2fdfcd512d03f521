import type { RunningServer, ServeOptions } from './adapters/server.ts';
import { sleep, within } from './core/abort.ts';
import { createAdmission } from './core/admission.ts';
import { type ApiKeySetting, createApiKeys } from './core/api-keys.ts';
import type { ArtifactStore } from './core/artifact-store.ts';
import type { Config } from './core/config.ts';
import type { ContainerRuntime } from './core/container-runtime.ts';
import { createEngineGate, type EngineGate } from './core/engine-gate.ts';
import { createHmac } from './core/hmac.ts';
import { createApp } from './core/http/app.ts';
import { type ClaimKeeper, createIdempotency, type Idempotency } from './core/jobs/idempotency.ts';
import { createJobCatalog } from './core/jobs/job-catalog.ts';
import { createJobCloser, type JobCloser } from './core/jobs/job-closer.ts';
import type { Logger } from './core/logger.ts';
import type { Metrics } from './core/metrics.ts';
import { createSandboxes, type Sandboxes } from './core/sandboxes.ts';
import { createSupervisor } from './core/supervisor.ts';
import type { ToolRegistry } from './core/tool-registry.ts';
import { createUrlSigner } from './core/url-signer.ts';
import type { Workspaces } from './core/workspace.ts';
import { createExamination, type Examination } from './doctor/examination.ts';
import { createLimitProbe, type FactKeeper, toEnforced } from './doctor/probe-limits.ts';
import { createStorageProbe } from './doctor/probe-storage.ts';
import { withCounts } from './metrics/count-failures.ts';

export interface ServiceParts {
  /** What was to be generated has been. */
  readonly config: Config & { readonly apiKeys: readonly ApiKeySetting[] };
  readonly toolRegistry: ToolRegistry;
  readonly runtime: ContainerRuntime;
  readonly store: ArtifactStore;
  readonly workspaces: Workspaces;
  readonly facts: FactKeeper;
  readonly claims: ClaimKeeper;
  readonly instanceId: string;
  /** Who a run's program is. */
  readonly user: { readonly uid: number; readonly gid: number };
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly serve: (options: ServeOptions) => Promise<RunningServer>;
}

export interface Service {
  readonly url: string;
  /** Takes no more jobs, lets the running ones end for `drainMs`, cancels the rest, removes every container, stops listening. */
  close(drainMs: number): Promise<void>;
}

const REAP_INTERVAL_MS = 10_000;
const LAST_CALLS_MS = 1500;
/** Beyond those that can run and wait: they are told at once that there's no room. */
const SPARE_REQUESTS = 16;

/** Puts the parts together and listens. The engine may be away: the service answers and says so. */
export async function startService(parts: ServiceParts): Promise<Service> {
  const { config, logger, metrics } = parts;
  const { runtime, store, workspaces } = withCounts(parts, metrics);
  const { workerImage: image, ociRuntime, allowUnenforced } = config;
  const sandboxes = createSandboxes({ runtime, instanceId: parts.instanceId, logger });
  const { gate, examination } = judgeHost({ ...parts, runtime, workspaces }, sandboxes);
  const apiKeys = await createApiKeys(config.apiKeys);
  const admission = createAdmission({ ...config, callers: apiKeys.names });
  const supervisor = createSupervisor({
    runtime,
    workspaces,
    store,
    sandboxes,
    image,
    ociRuntime,
    allowUnenforced,
    admission,
    gate,
    policy: config.policy,
    resumeGraceMs: config.resumeGraceMs,
    onUnkept: (job) => closer.add(job),
    logger,
    metrics,
  });
  const closer = createJobCloser({ workspaces, store, isHeld: (jobId) => supervisor.holds(jobId), logger });
  const catalog = createJobCatalog({ workspaces, store, supervisor });
  const secret = await keepSecret(parts.facts);
  const hmac = await createHmac(secret);
  const idempotency = createIdempotency({ hmac, claims: parts.claims, catalog });
  const app = createApp({
    apiKeys,
    urlSigner: await createUrlSigner(secret, config.urlTtlSeconds),
    tools: parts.toolRegistry,
    supervisor,
    catalog,
    idempotency,
    store,
    gate,
    examine: () => examination.findings(),
    logger,
    metrics,
    guard: {
      allowedHosts: config.allowedHosts,
      corsOrigins: config.corsOrigins,
      publicUrl: config.publicUrl,
    },
    maxBodyBytes: config.maxBodyBytes,
    maxInFlight: config.maxRunning + config.maxQueued + SPARE_REQUESTS,
  });
  const server = await parts.serve({
    fetch: (request) => app.fetch(request),
    host: config.host,
    port: config.port,
  });
  const stopped = new AbortController();
  const tidying = keepTidy({ sandboxes, closer, idempotency, logger }, stopped.signal);
  void gate.status();
  return {
    url: server.url,
    async close(drainMs) {
      await supervisor.close(drainMs);
      stopped.abort();
      // Bounded, so that an engine which doesn't answer can't hold the process beyond its stop grace.
      await within(
        Promise.allSettled([tidying, gate.settled(), examination.close()]).then(() => {}),
        LAST_CALLS_MS,
        () => {},
      );
      await server.close();
      await runtime.close();
      await store.close();
    },
  };
}

/** Whether jobs can run on this host, and for who asks what was looked at. */
function judgeHost(
  { config, runtime, workspaces, facts, user, logger }: ServiceParts,
  sandboxes: Sandboxes,
): { readonly gate: EngineGate; readonly examination: Examination } {
  const { workerImage: image, ociRuntime, allowUnenforced } = config;
  const probe = { runtime, sandboxes, workspaces, image, ociRuntime, user, facts, logger };
  const measureLimits = createLimitProbe(probe);
  const gate = createEngineGate({
    runtime,
    image,
    ociRuntime,
    allowUnenforced,
    probeStorage: createStorageProbe(probe),
    probeLimits: async (info, found) => toEnforced(await measureLimits(info, found)),
    logger,
  });
  const examination = createExamination({
    ...probe,
    allowUnenforced,
    measureLimits,
    platform: process.platform,
    storagePath: config.storagePath,
    // Whoever reads the rows by HTTP needn't know where on the host it is.
    storageLabel: 'AA_STORAGE_PATH',
  });
  return { gate, examination };
}

const SECRET_BYTES = 32;
const SECRET_FACT = 'url-secret.json';

/** What signs artifact URLs: made once and kept, so that links live through a restart. */
async function keepSecret(facts: FactKeeper): Promise<Uint8Array> {
  const kept = await facts.read(SECRET_FACT);
  if (Array.isArray(kept) && kept.length === SECRET_BYTES) return Uint8Array.from(kept as number[]);
  const secret = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  await facts.write(SECRET_FACT, [...secret]);
  return secret;
}

/**
 * Removes leftover containers at once, for what an earlier process left, and then again and again for what an engine's
 * failure left. Interrupted jobs are closed beside it, whenever their containers are known to be gone.
 */
async function keepTidy(
  { sandboxes, closer, idempotency, logger }: TidyParts,
  signal: AbortSignal,
): Promise<void> {
  let hasPruned = false;
  const closeJobs = async (): Promise<void> => {
    await closer.close(signal);
    if (!hasPruned) await idempotency.prune(signal);
    hasPruned = true;
  };
  let closing: Promise<void> | undefined;
  while (!signal.aborted) {
    try {
      const { left } = await sandboxes.reap();
      if (left === 0) {
        closing ??= closeJobs()
          .catch((err) => logger.error({ err }, 'looking for interrupted jobs failed'))
          .finally(() => {
            closing = undefined;
          });
      }
    } catch (err) {
      // An engine that is away is said by the gate; the next look comes anyway.
      logger.debug({ err }, 'looking for leftovers failed');
    }
    await sleep(REAP_INTERVAL_MS, signal);
  }
  await closing;
}

interface TidyParts {
  readonly sandboxes: Sandboxes;
  readonly closer: JobCloser;
  readonly idempotency: Idempotency;
  readonly logger: Logger;
}
