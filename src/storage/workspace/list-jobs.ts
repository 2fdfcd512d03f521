import { type JobRef, jobKey } from '../../core/workspace.ts';
import { fromByteName, toByteName } from '../disk/byte-name.ts';
import { type Folder, openPath } from '../disk/folder.ts';
import { readEntries, sortEntries } from '../disk/read-entries.ts';
import { isKey } from '../object-key.ts';

const JOB_PREFIX = 'job-';

/** Whether both ids are one plain path part each, so that they can't lead out of the root. */
export function isJobRef(job: JobRef): boolean {
  const key = jobKey(job, 'job.json');
  return isKey(key) && key.split('/').length === 3 && job.jobId !== '';
}

/** Every folder that has a job's name, session by session. */
export async function* listJobs(root: string): AsyncGenerator<JobRef> {
  for (const sessionId of await listSessions(root)) {
    for (const jobId of await listJobsOf(root, sessionId)) yield { sessionId, jobId };
  }
}

export async function listSessions(root: string): Promise<readonly string[]> {
  const folder = await openPath(root, []);
  if (typeof folder === 'string') return [];
  const names = await folderNames(folder).finally(() => folder.handle.close());
  return names.filter((name) => !name.startsWith('.'));
}

export async function listJobsOf(root: string, sessionId: string): Promise<readonly string[]> {
  if (!isJobRef({ sessionId, jobId: 'any' })) return [];
  const folder = await openPath(root, [toByteName(sessionId)]);
  if (typeof folder === 'string') return [];
  const names = await folderNames(folder).finally(() => folder.handle.close());
  return names
    .filter((name) => name.startsWith(JOB_PREFIX))
    .map((name) => name.slice(JOB_PREFIX.length))
    .filter((jobId) => isJobRef({ sessionId, jobId }));
}

async function folderNames(folder: Folder): Promise<readonly string[]> {
  const { entries } = await readEntries(folder, Number.POSITIVE_INFINITY);
  return sortEntries(entries)
    .filter(({ kind }) => kind === 'folder')
    .map(({ name }) => fromByteName(name))
    .filter((name) => name !== undefined);
}
