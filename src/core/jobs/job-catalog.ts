import type { ArtifactStore } from '../artifact-store.ts';
import { JOB_ID_PATTERN, mayBelongTo, orderOf, sessionTag } from '../ids.ts';
import { shareNextCall } from '../share-calls.ts';
import { type JobRef, jobKey, type OutputName, type Workspaces } from '../workspace.ts';
import { RECORD_BYTES } from './event-index.ts';
import { isJobFile, type JobFile, type JobRecord, type JobStatus, type Manifest } from './job.ts';
import type { LiveJob } from './live-job.ts';
import { readManifest } from './manifest.ts';
import type { EventFiles } from './read-events.ts';

/**
 * A job as it stands now: `live` in this process; `stopped` with a manifest that names its artifacts; or `interrupted`, when its
 * process ended or failed before that was written. An interrupted job's record is the last that was kept; soon it's closed.
 */
export type FoundJob =
  | { readonly state: 'live'; readonly record: JobRecord; readonly live: LiveJob }
  | { readonly state: 'stopped'; readonly record: JobRecord; readonly manifest: Manifest }
  | { readonly state: 'interrupted'; readonly record: JobRecord };

export interface JobQuery {
  readonly sessionId?: string | undefined;
  readonly status?: JobStatus | undefined;
  /** Continues behind the job of this id. */
  readonly after?: string | undefined;
  readonly limit: number;
  /** Whose jobs; `undefined`: everybody's. */
  readonly owner: string | undefined;
}

export interface JobPage {
  /** Newest first. */
  readonly jobs: readonly JobRecord[];
  /** Whether there may be more behind the last one. */
  readonly more: boolean;
}

/** Finds jobs by what lies in the storage folder and what this process runs; keeps nothing of its own. */
export interface JobCatalog {
  /** `undefined` for an id that no job has. */
  find(jobId: string): Promise<FoundJob | undefined>;
  /** The same where the session is known, which costs less. */
  get(job: JobRef): Promise<FoundJob | undefined>;
  /** Rejects once the signal aborts. */
  list(query: JobQuery, signal: AbortSignal): Promise<JobPage>;
  /** The files behind the events of a job that has stopped, and how many events its index has. */
  openEvents(job: JobRef): Promise<{ readonly files: EventFiles; readonly count: number }>;
}

export interface JobCatalogOptions {
  readonly workspaces: Workspaces;
  readonly store: ArtifactStore;
  readonly supervisor: {
    find(jobId: string): LiveJob | undefined;
    holds(jobId: string): boolean;
    list(): readonly LiveJob[];
  };
}

export function createJobCatalog({ workspaces, store, supervisor }: JobCatalogOptions): JobCatalog {
  const get = async (ref: JobRef): Promise<FoundJob | undefined> => {
    const live = supervisor.find(ref.jobId);
    if (live !== undefined) return { state: 'live', record: live.record, live };
    if (supervisor.holds(ref.jobId)) return undefined;
    const manifest = await readManifest(store, ref);
    if (manifest !== undefined) return { state: 'stopped', record: manifest.job, manifest };
    const left = await readJobFile(workspaces, ref);
    return left === undefined ? undefined : { state: 'interrupted', record: toRecord(left) };
  };

  /** As `get`, without the manifest where that isn't needed. */
  const recordOf = async (ref: JobRef): Promise<JobRecord | undefined> => {
    const live = supervisor.find(ref.jobId);
    if (live !== undefined) return live.record;
    const kept = supervisor.holds(ref.jobId) ? undefined : await readJobFile(workspaces, ref);
    return kept?.status === 'stopped' ? toRecord(kept) : (await get(ref))?.record;
  };

  /** All jobs that have a folder. A look through all sessions takes long, so that those who ask meanwhile share the next one. */
  const allRefs = shareNextCall(async () => {
    const refs: JobRef[] = [];
    for (const sessionId of await workspaces.sessions()) refs.push(...(await refsOf(workspaces, sessionId)));
    return refs;
  });

  const candidates = async ({ sessionId, status, owner, after }: JobQuery): Promise<readonly JobRef[]> => {
    const isStored = status === undefined || status === 'stopped';
    const live = (): readonly JobRef[] => supervisor.list().map(({ ref }) => ref);
    const stored = () => (sessionId === undefined ? allRefs() : refsOf(workspaces, sessionId));
    return (isStored ? await stored() : live())
      .filter((ref) => sessionId === undefined || ref.sessionId === sessionId)
      .filter(({ jobId }) => after === undefined || orderOf(jobId) < orderOf(after))
      .filter((ref) => owner === undefined || mayBelongTo(ref.jobId, ref.sessionId, owner))
      .sort(newestFirst);
  };

  return {
    get,
    async find(jobId) {
      if (!JOB_ID_PATTERN.test(jobId)) return undefined;
      const live = supervisor.find(jobId);
      if (live !== undefined) return { state: 'live', record: live.record, live };
      const tag = jobId.slice(0, sessionTag('').length);
      for (const sessionId of await workspaces.sessions()) {
        const found = sessionTag(sessionId) === tag ? await get({ sessionId, jobId }) : undefined;
        if (found !== undefined) return found;
      }
      return undefined;
    },
    async list(query, signal) {
      const { status, limit, owner } = query;
      const jobs: JobRecord[] = [];
      for (const ref of await candidates(query)) {
        signal.throwIfAborted();
        const record = await recordOf(ref);
        if (record === undefined || (owner !== undefined && record.owner !== owner)) continue;
        if (status !== undefined && record.status !== status) continue;
        if (jobs.length === limit) return { jobs, more: true };
        jobs.push(record);
      }
      return { jobs, more: false };
    },
    async openEvents(ref) {
      const size = (await store.headObject(jobKey(ref, 'events')))?.size ?? 0;
      return { files: toEventFiles(store, ref), count: Math.floor(size / RECORD_BYTES) };
    },
  };
}

async function refsOf(workspaces: Workspaces, sessionId: string): Promise<readonly JobRef[]> {
  const jobIds = await workspaces.jobs(sessionId);
  return jobIds.filter((jobId) => JOB_ID_PATTERN.test(jobId)).map((jobId) => ({ sessionId, jobId }));
}

function newestFirst(a: JobRef, b: JobRef): number {
  return orderOf(a.jobId) < orderOf(b.jobId) ? 1 : -1;
}

async function readJobFile(workspaces: Workspaces, ref: JobRef): Promise<JobFile | undefined> {
  const workspace = await workspaces.open(ref);
  const value = await workspace?.readControl('job.json');
  return isJobFile(value) ? value : undefined;
}

function toRecord({ inputs: _inputs, ...record }: JobFile): JobRecord {
  return record;
}

/** The store's objects, read in parts as a workspace's files are. */
function toEventFiles(store: ArtifactStore, ref: JobRef): EventFiles {
  return {
    async readPart(name: OutputName, position, length) {
      const key = jobKey(ref, name);
      const size = (await store.headObject(key))?.size ?? 0;
      const end = Math.min(position + length, size) - 1;
      if (end < position) return new Uint8Array(0);
      const object = await store.getObject(key, { range: { start: position, end } });
      return new Uint8Array(await new Response(object?.body).arrayBuffer());
    },
  };
}
