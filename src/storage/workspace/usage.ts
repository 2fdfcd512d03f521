import { lstat, type Stats } from 'node:fs';
import type { DiskUsage } from '../../core/workspace.ts';
import type { ByteName } from '../disk/byte-name.ts';
import { errorCode, type Folder, openFolder, pathIn } from '../disk/folder.ts';
import { type Entry, readEntries } from '../disk/read-entries.ts';

/** Beyond these a look ends early: what it counted by then is over every limit. */
const MAX_ENTRIES = 1_000_000;
const MAX_DEPTH = 500;
/** Looks at once; more only make the queue of the four file threads longer. */
const WIDTH = 32;
/** What `stat` counts blocks in, whatever the file system's own are. */
const BLOCK = 512;

interface Count {
  bytes: number;
  inodes: number;
  readonly signal: AbortSignal | undefined;
}

/** Adds up what lies below a folder, links not followed; the program may be changing it meanwhile. */
export async function measureUsage(root: Folder, signal?: AbortSignal): Promise<DiskUsage> {
  const count: Count = { bytes: 0, inodes: 0, signal };
  await countFolder(count, root, 1);
  return { bytes: count.bytes, inodes: count.inodes };
}

async function countFolder(count: Count, folder: Folder, depth: number): Promise<void> {
  count.signal?.throwIfAborted();
  const { entries } = await readEntries(folder, MAX_ENTRIES - count.inodes);
  await countEntries(count, folder, entries);
  if (depth >= MAX_DEPTH) {
    // What lies deeper isn't seen, so it counts as too much: else a deep folder would be a place without a limit.
    if (entries.some(({ kind }) => kind === 'folder')) count.inodes = MAX_ENTRIES;
    return;
  }
  for (const { name, kind } of entries) {
    if (kind === 'folder' && count.inodes < MAX_ENTRIES) await enter(count, folder, name, depth);
  }
}

async function enter(count: Count, parent: Folder, name: ByteName, depth: number): Promise<void> {
  const folder = await openFolder(parent, name);
  if (typeof folder === 'string') return;
  try {
    await countFolder(count, folder, depth + 1);
  } catch (error) {
    // Removed since it was opened: there's nothing in it any more.
    if (errorCode(error) !== 'ENOENT') throw error;
  } finally {
    await folder.handle.close();
  }
}

async function countEntries(count: Count, folder: Folder, entries: readonly Entry[]): Promise<void> {
  let next = 0;
  const look = async (): Promise<void> => {
    for (let entry = entries[next++]; entry !== undefined; entry = entries[next++]) {
      if (count.signal?.aborted) return;
      const stats = await statEntry(folder, entry.name);
      if (stats === undefined) continue;
      count.inodes += 1;
      count.bytes += (stats.blocks * BLOCK) / Math.max(1, stats.isDirectory() ? 1 : stats.nlink);
    }
  };
  await Promise.all(Array.from({ length: Math.min(WIDTH, entries.length) }, look));
  count.signal?.throwIfAborted();
}

/** By call-back: a quarter of a promise's cost where there are a hundred thousand. */
function statEntry(folder: Folder, name: ByteName): Promise<Stats | undefined> {
  return new Promise((resolve) => {
    lstat(pathIn(folder, name), (error, stats) => resolve(error === null ? stats : undefined));
  });
}
