import type { Dirent } from 'node:fs';
import { opendir } from 'node:fs/promises';
import type { ByteName } from './byte-name.ts';
import { type Folder, pathOf } from './folder.ts';

export type EntryKind = 'file' | 'folder' | 'symlink' | 'other';

export interface Entry {
  readonly name: ByteName;
  readonly kind: EntryKind;
}

export interface Entries {
  readonly entries: readonly Entry[];
  /** True when there were more than `limit`. */
  readonly more: boolean;
}

/** Entries per call of the kernel; each batch is one turn of the event loop. */
const BATCH = 512;

/** Reads up to `limit` names of a folder, in no order. */
export async function readEntries(folder: Folder, limit: number): Promise<Entries> {
  const listing = await opendir(pathOf(folder), { encoding: 'latin1', bufferSize: BATCH });
  const entries: Entry[] = [];
  let more = false;
  for await (const entry of listing) {
    if (entries.length >= limit) {
      more = true;
      break;
    }
    entries.push({ name: entry.name, kind: kindOf(entry) });
  }
  return { entries, more };
}

/** The order in which the entries' paths, and those of what lies in them, sort by bytes. */
export function sortEntries(entries: readonly Entry[]): readonly Entry[] {
  return entries.map(withSortKey).sort(byKey).map(toEntry);
}

function kindOf(entry: Dirent): EntryKind {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'folder';
  return entry.isSymbolicLink() ? 'symlink' : 'other';
}

interface Keyed {
  readonly key: ByteName;
  readonly entry: Entry;
}

/** `a-b` sorts before `a/x`, so a folder sorts as if its name ended with the separator. */
function withSortKey(entry: Entry): Keyed {
  return { key: entry.kind === 'folder' ? `${entry.name}/` : entry.name, entry };
}

function byKey(left: Keyed, right: Keyed): number {
  return left.key < right.key ? -1 : 1;
}

function toEntry({ entry }: Keyed): Entry {
  return entry;
}
