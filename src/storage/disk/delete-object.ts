import { rmdir, unlink } from 'node:fs/promises';
import type { ByteName } from './byte-name.ts';
import { errorCode, type Folder, openFolder, openPath, pathIn } from './folder.ts';

/** Nothing to delete: absent, or a folder, which is no object. */
const NO_OBJECT: ReadonlySet<string | undefined> = new Set(['ENOENT', 'EISDIR', 'EPERM']);
/** The folder is somebody's, or gone already. */
const NOT_PRUNED: ReadonlySet<string | undefined> = new Set(['ENOTEMPTY', 'EEXIST', 'ENOENT', 'EBUSY']);

/** Removes a file, and the folders above it that it leaves empty, but never the root. */
export async function deleteObject(root: string, parts: readonly ByteName[]): Promise<void> {
  const chain: Folder[] = [];
  try {
    if (!(await openChain(chain, root, parts.slice(0, -1)))) return;
    for (let depth = parts.length - 1; depth >= 0; depth -= 1) {
      const [folder, name] = [chain[depth], parts[depth]];
      if (folder === undefined || name === undefined) return;
      const isFile = depth === parts.length - 1;
      const path = pathIn(folder, name);
      const removed = isFile
        ? await attempt(unlink(path), NO_OBJECT)
        : await attempt(rmdir(path), NOT_PRUNED);
      if (!removed) return;
    }
  } finally {
    await Promise.all(chain.map(({ handle }) => handle.close()));
  }
}

/** Opens the root and every folder on the way; false when one isn't there. */
async function openChain(chain: Folder[], root: string, parts: readonly ByteName[]): Promise<boolean> {
  let next = await openPath(root, []);
  for (const part of parts) {
    if (typeof next === 'string') return false;
    chain.push(next);
    next = await openFolder(next, part);
  }
  if (typeof next === 'string') return false;
  chain.push(next);
  return true;
}

async function attempt(action: Promise<void>, harmless: ReadonlySet<string | undefined>): Promise<boolean> {
  try {
    await action;
    return true;
  } catch (error) {
    if (harmless.has(errorCode(error))) return false;
    throw error;
  }
}
