import { rename, rmdir, unlink } from 'node:fs/promises';
import type { ByteName } from '../disk/byte-name.ts';
import { errorCode, type Folder, openFolder, pathIn } from '../disk/folder.ts';
import { type Entry, readEntries } from '../disk/read-entries.ts';

/** Names taken at a time: a folder of millions is emptied in rounds, in flat memory. */
const ROUND = 8192;
/** Removals at once. */
const WIDTH = 16;

/** The work that is left, and the first thing that went wrong. */
interface Removal {
  readonly parent: Folder;
  readonly prefix: string;
  readonly pending: ByteName[];
  moved: number;
  failures: unknown[];
}

/**
 * Removes a folder's entry and all below it, however deep, whatever its names and modes; a link is removed, never followed.
 * A folder found within it is first moved up beside it, so that depth costs neither descriptors nor path length. Removes as
 * much as it can, then rejects with the first failure. Safe to repeat, after a crash too: nothing leaves `parent`.
 */
export async function removeTree(parent: Folder, name: ByteName): Promise<void> {
  const prefix = `.removing-${crypto.randomUUID()}-`;
  const removal: Removal = { parent, prefix, pending: [name], moved: 0, failures: [] };
  for (let next = removal.pending.pop(); next !== undefined; next = removal.pending.pop()) {
    await removeEntry(removal, next).catch((error: unknown) => removal.failures.push(error));
  }
  if (removal.failures.length > 0) throw removal.failures[0];
}

async function removeEntry(removal: Removal, name: ByteName): Promise<void> {
  const folder = await openFolder(removal.parent, name);
  const path = pathIn(removal.parent, name);
  if (typeof folder === 'string') return unlink(path).catch(ignoreAbsent);
  try {
    await openUp(folder);
    await emptyFolder(removal, folder);
  } finally {
    await folder.handle.close();
  }
  await rmdir(path).catch(ignoreAbsent);
}

async function emptyFolder(removal: Removal, folder: Folder): Promise<void> {
  for (;;) {
    const { entries, more } = await readEntries(folder, ROUND);
    const failed = await removeEach(removal, folder, entries);
    if (!more || failed === entries.length) return;
  }
}

/** How many of them couldn't be removed. */
async function removeEach(removal: Removal, folder: Folder, entries: readonly Entry[]): Promise<number> {
  let next = 0;
  let failed = 0;
  const work = async (): Promise<void> => {
    for (let entry = entries[next++]; entry !== undefined; entry = entries[next++]) {
      try {
        if (entry.kind === 'folder') await removeOrMoveUp(removal, folder, entry.name);
        else await unlink(pathIn(folder, entry.name)).catch(ignoreAbsent);
      } catch (error) {
        failed += 1;
        removal.failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(WIDTH, entries.length) }, work));
  // One failure is enough to tell; a million of them would fill the memory.
  removal.failures = removal.failures.slice(0, 1);
  return failed;
}

async function removeOrMoveUp(removal: Removal, folder: Folder, name: ByteName): Promise<void> {
  const path = pathIn(folder, name);
  try {
    return await rmdir(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    if (errorCode(error) !== 'ENOTEMPTY' && errorCode(error) !== 'EEXIST') throw error;
  }
  removal.moved += 1;
  const moved = removal.prefix + removal.moved;
  const moveUp = (): Promise<void> => rename(path, pathIn(removal.parent, moved));
  await moveUp().catch(async (error: unknown) => {
    if (errorCode(error) !== 'EACCES') throw error;
    // Moving a folder writes the `..` in it, which takes the right to write it.
    const child = await openFolder(folder, name);
    if (typeof child === 'string') throw error;
    await openUp(child).finally(() => child.handle.close());
    await moveUp();
  });
  removal.pending.push(moved);
}

/** Gives the owner, who we are unless we are root, every right on a folder. */
async function openUp(folder: Folder): Promise<void> {
  if (process.geteuid?.() !== 0) await folder.handle.chmod(0o700);
}

function ignoreAbsent(error: unknown): void {
  if (errorCode(error) !== 'ENOENT') throw error;
}
