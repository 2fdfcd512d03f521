import { type JobRef, jobKey } from '../../core/workspace.ts';
import { fromByteName } from '../disk/byte-name.ts';
import { type Folder, openFolder, openPath } from '../disk/folder.ts';
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
  const folder = await openPath(root, []);
  if (typeof folder === 'string') return;
  try {
    for (const sessionId of await folderNames(folder)) yield* listSession(folder, sessionId);
  } finally {
    await folder.handle.close();
  }
}

async function* listSession(root: Folder, sessionId: string): AsyncGenerator<JobRef> {
  const folder = await openFolder(root, Buffer.from(sessionId).toString('latin1'));
  if (typeof folder === 'string') return;
  const names = await folderNames(folder).finally(() => folder.handle.close());
  for (const name of names) {
    const job = { sessionId, jobId: name.slice(JOB_PREFIX.length) };
    if (name.startsWith(JOB_PREFIX) && isJobRef(job)) yield job;
  }
}

async function folderNames(folder: Folder): Promise<readonly string[]> {
  const { entries } = await readEntries(folder, Number.POSITIVE_INFINITY);
  return sortEntries(entries)
    .filter(({ kind }) => kind === 'folder')
    .map(({ name }) => fromByteName(name))
    .filter((name) => name !== undefined);
}
