import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type JobRef, jobKey } from '../../core/workspace.ts';
import { errorCode, type Folder, withFolder } from '../disk/folder.ts';
import { readEntries } from '../disk/read-entries.ts';
import { removeTree } from './remove-tree.ts';

/** Somebody else's job lies there, or it has gone already. */
const KEPT: ReadonlySet<string | undefined> = new Set(['ENOTEMPTY', 'EEXIST', 'ENOENT']);

/** Removes a job's folder, and the session's once it's empty. */
export async function removeJobFolder(root: string, job: JobRef): Promise<void> {
  const path = join(root, jobKey(job, ''));
  await withFolder(path, [], removeContent);
  await rmdir(path).catch(ignore);
  await rmdir(join(root, job.sessionId)).catch(ignoreKept);
}

/**
 * The manifest goes first, so that nothing is served of a job that is half gone, and `job.json` last, so that a removal that
 * was cut short or failed still shows a job to remove.
 */
async function removeContent(folder: Folder): Promise<void> {
  const { entries } = await readEntries(folder, Number.POSITIVE_INFINITY);
  const names = entries.map(({ name }) => name).sort((left, right) => turn(left) - turn(right));
  for (const name of names) await removeTree(folder, name);
}

function turn(name: string): number {
  if (name === 'manifest.json') return 0;
  return name === 'job.json' ? 2 : 1;
}

function ignore(error: unknown): void {
  if (errorCode(error) !== 'ENOENT') throw error;
}

function ignoreKept(error: unknown): void {
  if (!KEPT.has(errorCode(error))) throw error;
}
