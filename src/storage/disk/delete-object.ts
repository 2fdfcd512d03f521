import { rmdir, unlink } from 'node:fs/promises';
import type { ByteName } from './byte-name.ts';
import { errorCode, type Folder, pathIn, withFolder } from './folder.ts';

/** Nothing to delete: absent, or a folder, which is no object. */
const NO_OBJECT: ReadonlySet<string | undefined> = new Set(['ENOENT', 'EISDIR', 'EPERM']);
/** The folder is somebody's, or gone already. */
const NOT_PRUNED: ReadonlySet<string | undefined> = new Set([
  'ENOTEMPTY',
  'EEXIST',
  'ENOENT',
  'EBUSY',
  'ENOTDIR',
]);

/** Removes a file, and the folders above it that it leaves empty, but never the root. */
export async function deleteObject(root: string, parts: readonly ByteName[]): Promise<void> {
  const removed = await inFolder(root, parts, (path) => unlink(path), NO_OBJECT);
  if (!removed) return;
  for (let depth = parts.length - 1; depth > 0; depth -= 1) {
    const pruned = await inFolder(root, parts.slice(0, depth), (path) => rmdir(path), NOT_PRUNED);
    if (!pruned) return;
  }
}

async function inFolder(
  root: string,
  parts: readonly ByteName[],
  act: (path: Buffer) => Promise<void>,
  harmless: ReadonlySet<string | undefined>,
): Promise<boolean> {
  const attempt = async (folder: Folder): Promise<boolean> => {
    try {
      await act(pathIn(folder, parts.at(-1) ?? ''));
      return true;
    } catch (error) {
      if (harmless.has(errorCode(error))) return false;
      throw error;
    }
  };
  return (await withFolder(root, parts.slice(0, -1), attempt)) === true;
}
