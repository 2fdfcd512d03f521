import type { ArtifactStore } from '../artifact-store.ts';
import { JOB_ID_PATTERN, orderOf, sessionTag } from '../ids.ts';
import { type JobRef, jobKey, type OutputName, type Workspaces } from '../workspace.ts';
import { RECORD_BYTES } from './event-index.ts';
import { isJobFile, type JobRecord, type JobStatus, type Manifest } from './job.ts';
import type { LiveJob } from './live-job.ts';
import { readManifest } from './manifest.ts';
import type { EventFiles } from './read-events.ts';
import { toInterrupted } from './recover-jobs.ts';

/** A job as it stands now: alive in this process, or stopped with a manifest that names its artifacts. */
export type FoundJob =
  | { readonly live: LiveJob; readonly record: JobRecord }
  | { readonly live?: undefined; readonly record: JobRecord; readonly manifest: Manifest };

export interface JobQuery {
  readonly sessionId?: string | undefined;
  readonly status?: JobStatus | undefined;
  /** Continues behind the job of this id. */
  readonly after?: string | undefined;
  readonly limit: number;
  /** Which jobs the caller may see. */
  readonly isVisible: (record: JobRecord) => boolean;
}

export interface JobPage {
  /** Newest first. */
  readonly jobs: readonly FoundJob[];
  /** Whether there may be more behind the last one. */
  readonly more: boolean;
}

/** Finds jobs by what lies in the storage folder and what this process runs; keeps nothing of its own. */
export interface JobCatalog {
  /** `undefined` for an id that no job has. */
  find(jobId: string): Promise<FoundJob | undefined>;
  /** The same where the session is known, which costs less. */
  get(job: JobRef): Promise<FoundJob | undefined>;
  list(query: JobQuery): Promise<JobPage>;
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
    if (live !== undefined) return { live, record: live.record };
    if (supervisor.holds(ref.jobId)) return undefined;
    const manifest = (await readManifest(store, ref)) ?? (await readInterrupted(workspaces, ref));
    return manifest === undefined ? undefined : { record: manifest.job, manifest };
  };

  /** Ids of jobs that aren't alive here, newest first. */
  const storedIds = async (sessionId: string | undefined): Promise<readonly JobRef[]> => {
    const sessions = sessionId === undefined ? await workspaces.sessions() : [sessionId];
    const refs: JobRef[] = [];
    for (const session of sessions) {
      for (const jobId of await workspaces.jobs(session)) {
        if (JOB_ID_PATTERN.test(jobId)) refs.push({ sessionId: session, jobId });
      }
    }
    return refs.sort(newestFirst);
  };

  const candidates = async ({ sessionId, status }: JobQuery): Promise<readonly JobRef[]> => {
    if (status === undefined || status === 'stopped') return storedIds(sessionId);
    const live = supervisor.list().map(({ ref }) => ref);
    return live.filter((ref) => sessionId === undefined || ref.sessionId === sessionId).sort(newestFirst);
  };

  return {
    get,
    async find(jobId) {
      if (!JOB_ID_PATTERN.test(jobId)) return undefined;
      const live = supervisor.find(jobId);
      if (live !== undefined) return { live, record: live.record };
      const tag = jobId.slice(0, sessionTag('').length);
      for (const sessionId of await workspaces.sessions()) {
        const found = sessionTag(sessionId) === tag ? await get({ sessionId, jobId }) : undefined;
        if (found !== undefined) return found;
      }
      return undefined;
    },
    async list(query) {
      const { after, status, limit, isVisible } = query;
      const jobs: FoundJob[] = [];
      for (const ref of await candidates(query)) {
        if (after !== undefined && orderOf(ref.jobId) >= orderOf(after)) continue;
        const found = await get(ref);
        if (found === undefined || !isVisible(found.record)) continue;
        if (status !== undefined && found.record.status !== status) continue;
        if (jobs.length === limit) return { jobs, more: true };
        jobs.push(found);
      }
      return { jobs, more: false };
    },
    async openEvents(ref) {
      const size = (await store.headObject(jobKey(ref, 'events')))?.size ?? 0;
      return { files: toEventFiles(store, ref), count: Math.floor(size / RECORD_BYTES) };
    },
  };
}

function newestFirst(a: JobRef, b: JobRef): number {
  return orderOf(a.jobId) < orderOf(b.jobId) ? 1 : -1;
}

/** A job whose process ended before its manifest was written, as it will be closed. */
async function readInterrupted(workspaces: Workspaces, ref: JobRef): Promise<Manifest | undefined> {
  const workspace = await workspaces.open(ref);
  const interrupted = await workspace?.readControl('job.json');
  if (!isJobFile(interrupted)) return undefined;
  return { version: 1, job: toInterrupted(interrupted), files: [], skipped: [], truncated: false };
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
