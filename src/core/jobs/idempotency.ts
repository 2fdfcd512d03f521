import { toBase64Url } from '../base64.ts';
import { AppError } from '../errors.ts';
import type { Hmac } from '../hmac.ts';
import { newJobId } from '../ids.ts';
import type { FoundJob, JobCatalog } from './job-catalog.ts';
import type { LiveJob } from './live-job.ts';

/** Keeps which job a key stands for, as JSON by name. */
export interface ClaimKeeper {
  read(name: string): Promise<unknown>;
  write(name: string, claim: unknown): Promise<void>;
  remove(name: string): Promise<void>;
  names(): Promise<readonly string[]>;
}

export interface KeyedRequest {
  /** Whose key it is: two callers' equal keys are two keys. */
  readonly caller: string | undefined;
  readonly key: string;
  /** The request as it was sent: the same key with another one is refused. */
  readonly body: unknown;
  readonly sessionId: string;
}

/** The job that a key stands for. */
export interface KeyedJob {
  /** Whether this very call started it. */
  readonly isNew: boolean;
  readonly job: FoundJob;
}

/** Lets each idempotency key stand for one job, for as long as the job's folder is kept. */
export interface Idempotency {
  /**
   * Submits a job for a key that stands for none, or for one that never ran; `id` is what the job must be called. Calls with
   * the same key come one after the other. Throws `idempotency_mismatch` when the key stands for another request.
   */
  once(request: KeyedRequest, submit: (id: string) => Promise<LiveJob>): Promise<KeyedJob>;
  /** Forgets the keys of jobs that are gone. Ends early when the signal aborts. */
  prune(signal: AbortSignal): Promise<void>;
}

interface Claim {
  /** HMAC of the request: its `env` may hold secrets that nobody must be able to try out. */
  readonly fingerprint: string;
  readonly sessionId: string;
  readonly jobId: string;
}

export function createIdempotency(options: {
  readonly hmac: Hmac;
  readonly claims: ClaimKeeper;
  readonly catalog: Pick<JobCatalog, 'get'>;
}): Idempotency {
  const { claims, catalog } = options;
  const mac = async (value: unknown): Promise<string> =>
    toBase64Url(await options.hmac(`idempotency ${canonical(value)}`));
  const lastOf = new Map<string, Promise<unknown>>();

  /** Whom a claim stands for; `undefined` when the job is gone or never ran, so that its key is free again. */
  const standsFor = async (claim: Claim): Promise<FoundJob | undefined> => {
    const found = await catalog.get(claim);
    return found === undefined || neverRan(found) ? undefined : found;
  };

  const claimOrFind = async (
    name: string,
    request: KeyedRequest,
    submit: (id: string) => Promise<LiveJob>,
  ): Promise<KeyedJob> => {
    const fingerprint = await mac(request.body);
    const claim = toClaim(await claims.read(name));
    const found = claim === undefined ? undefined : await standsFor(claim);
    if (found === undefined) {
      const jobId = newJobId(request.sessionId, request.caller);
      // Before the job: after a crash between the two the key stands for no job, and is free.
      await claims.write(name, { fingerprint, sessionId: request.sessionId, jobId } satisfies Claim);
      const job = await submit(jobId).catch(async (error) => {
        await claims.remove(name);
        throw error;
      });
      return { isNew: true, job: { state: 'live', record: job.record, live: job } };
    }
    if (claim?.fingerprint !== fingerprint) throw mismatch();
    return { isNew: false, job: found };
  };

  /** One after the other for each key. */
  const inTurn = async <T>(name: string, act: () => Promise<T>): Promise<T> => {
    const before = lastOf.get(name) ?? Promise.resolve();
    const now = before.catch(() => {}).then(act);
    lastOf.set(name, now);
    try {
      return await now;
    } finally {
      if (lastOf.get(name) === now) lastOf.delete(name);
    }
  };

  const removeIfGone = async (name: string): Promise<void> => {
    const claim = toClaim(await claims.read(name));
    if (claim === undefined || (await catalog.get(claim)) === undefined) await claims.remove(name);
  };

  return {
    async once(request, submit) {
      const name = await mac([request.caller ?? null, request.key]);
      return inTurn(name, () => claimOrFind(name, request, submit));
    },
    async prune(signal) {
      for (const name of await claims.names()) {
        if (signal.aborted) return;
        await inTurn(name, () => removeIfGone(name));
      }
    },
  };
}

function neverRan(found: FoundJob): boolean {
  const { error } = found.record;
  return found.state === 'stopped' && error !== undefined && error.code !== 'infra_error';
}

function mismatch(): AppError {
  return new AppError(
    'idempotency_mismatch',
    'This Idempotency-Key was sent with another request before: use a new key for each new request.',
  );
}

function toClaim(value: unknown): Claim | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { fingerprint, sessionId, jobId } = value as Partial<Record<keyof Claim, unknown>>;
  return typeof fingerprint === 'string' && typeof sessionId === 'string' && typeof jobId === 'string'
    ? { fingerprint, sessionId, jobId }
    : undefined;
}

/** JSON that doesn't depend on the order in which an object's fields were sent. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
