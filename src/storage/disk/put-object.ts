import { mkdir, rename, unlink } from 'node:fs/promises';
import { type ObjectBody, StoreError } from '../../core/artifact-store.ts';
import type { ByteName } from './byte-name.ts';
import { errorCode, type Folder, openFolder, pathIn, type Refusal, withFolder } from './folder.ts';
import { writeScratch } from './scratch.ts';

/** A delete may take an empty folder away between its making and the rename into it. */
const ATTEMPTS = 20;

/** Writes beside the tree, then renames into it. */
export async function putObject(
  root: string,
  parts: readonly ByteName[],
  body: ObjectBody,
  signal?: AbortSignal,
): Promise<void> {
  const scratch = await writeScratch(root, body, signal);
  try {
    await place(root, parts, scratch);
  } catch (error) {
    await unlink(scratch).catch(() => {});
    throw error;
  }
}

async function place(root: string, parts: readonly ByteName[], scratch: string): Promise<void> {
  const name = parts.at(-1) ?? '';
  let refusal: string | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    refusal = await withFolder(
      root,
      parts.slice(0, -1),
      (folder) => renameInto(folder, name, scratch),
      makeFolder,
    );
    if (refusal === undefined) return;
    if (refusal !== 'absent') break;
  }
  throw new StoreError('unavailable', `There is no folder for ${parts.join('/')}: ${refusal}.`);
}

async function renameInto(folder: Folder, name: ByteName, scratch: string): Promise<Refusal | undefined> {
  try {
    await rename(scratch, pathIn(folder, name));
    return undefined;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return 'absent';
    throw error;
  }
}

async function makeFolder(parent: Folder, name: ByteName): Promise<Folder | Refusal> {
  const folder = await openFolder(parent, name);
  if (folder !== 'absent') return folder;
  try {
    await mkdir(pathIn(parent, name), 0o700);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') return 'absent';
    if (code !== 'EEXIST') throw error;
  }
  return openFolder(parent, name);
}
