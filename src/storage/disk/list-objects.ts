import { lstat } from 'node:fs/promises';
import type { ListedObject } from '../../core/artifact-store.ts';
import { isKey, RESERVED_PART } from '../object-key.ts';
import { type ByteName, fromByteName, toByteName } from './byte-name.ts';
import { type Folder, openFolder, openPath, pathIn } from './folder.ts';
import { type Entry, readEntries, sortEntries } from './read-entries.ts';

/** No key is longer, so no folder with a longer path holds an object. */
const MAX_PATH = 1024;

/** Every regular file whose path starts with the prefix, in byte order; folder by folder, as the reader asks for more. */
export async function* listObjects(root: string, prefix: string): AsyncGenerator<ListedObject> {
  if (!prefix.isWellFormed() || prefix.includes('\0')) return;
  const parts = toByteName(prefix).split('/');
  const start = parts.pop() ?? '';
  if (parts.some((part) => part === '' || part === '.' || part === '..')) return;
  if (parts[0] === RESERVED_PART) return;
  const folder = await openPath(root, parts);
  if (typeof folder !== 'string') yield* listFolder(folder, parts.map((part) => `${part}/`).join(''), start);
}

/** Owns the folder: it is closed also when the reader stops in the middle. */
async function* listFolder(folder: Folder, path: ByteName, start: ByteName): AsyncGenerator<ListedObject> {
  try {
    const { entries } = await readEntries(folder, Number.POSITIVE_INFINITY);
    for (const entry of sortEntries(entries)) {
      if (!entry.name.startsWith(start) || path.length + entry.name.length > MAX_PATH) continue;
      if (entry.kind === 'folder') yield* enter(folder, path, entry.name);
      else if (entry.kind === 'file') yield* describe(folder, path, entry);
    }
  } finally {
    await folder.handle.close();
  }
}

async function* enter(parent: Folder, path: ByteName, name: ByteName): AsyncGenerator<ListedObject> {
  if (path === '' && name === RESERVED_PART) return;
  const folder = await openFolder(parent, name);
  if (typeof folder !== 'string') yield* listFolder(folder, `${path}${name}/`, '');
}

/** Nothing for what a reader couldn't open either: a file that has gone, or has no key. */
async function* describe(folder: Folder, path: ByteName, { name }: Entry): AsyncGenerator<ListedObject> {
  const key = fromByteName(path + name);
  if (key === undefined || !isKey(key)) return;
  const stats = await lstat(pathIn(folder, name)).catch(() => undefined);
  if (stats?.isFile() && stats.dev === folder.dev) yield { key, size: stats.size };
}
