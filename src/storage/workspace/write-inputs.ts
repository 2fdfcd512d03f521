import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CollectedFile, InputFile } from '../../core/workspace.ts';
import { writeFully } from '../disk/scratch.ts';
import { isKey } from '../object-key.ts';

/** Who the copies in the workspace belong to; `undefined` leaves them to us. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Files written at once. */
const WIDTH = 8;

/**
 * Writes the originals and the program's copies, until the signal aborts; what it resolves with is written whole. Nothing of the
 * program's runs yet, so plain paths are safe.
 */
export async function writeInputs(
  folder: string,
  files: readonly InputFile[],
  owner: Owner | undefined,
  signal?: AbortSignal,
): Promise<readonly CollectedFile[]> {
  for (const { path } of files)
    if (!isKey(`inputs/${path}`)) throw new TypeError(`not an input's path: ${JSON.stringify(path)}`);
  const originals = join(folder, 'inputs');
  const copies = join(folder, 'workspace');
  await mkdir(originals, { recursive: true, mode: 0o700 });
  await makeFolders(originals, files, undefined, signal);
  await makeFolders(copies, files, owner, signal);
  const described: CollectedFile[] = [];
  for (let at = 0; at < files.length && !signal?.aborted; at += WIDTH) {
    const batch = files.slice(at, at + WIDTH);
    const writeBoth = ({ path, content }: InputFile): Promise<unknown> =>
      Promise.all([
        writeNew(join(originals, path), content, 0o600),
        writeNew(join(copies, path), content, 0o644, owner),
      ]);
    await Promise.all(batch.map(writeBoth));
    described.push(...batch.map(describe));
  }
  return described;
}

function describe({ path, content }: InputFile): CollectedFile {
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { path: `inputs/${path}`, size: content.length, sha256 };
}

/** Parents before children, each with its mode and owner whatever the process's umask is. */
async function makeFolders(
  root: string,
  files: readonly InputFile[],
  owner: Owner | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const folders = new Set<string>();
  for (const { path } of files) {
    for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) folders.add(parent);
  }
  for (const path of [...folders].sort((left, right) => left.length - right.length)) {
    if (signal?.aborted) return;
    const folder = join(root, path);
    await mkdir(folder);
    await chmod(folder, owner === undefined ? 0o700 : 0o755);
    if (owner !== undefined) await chown(folder, owner.uid, owner.gid);
  }
}

/** Makes a file that isn't there yet. */
export async function writeNew(
  path: string,
  content: Uint8Array,
  mode: number,
  owner?: Owner,
): Promise<void> {
  const handle = await open(path, 'wx', mode);
  try {
    await writeFully(handle, content, 0);
    await handle.chmod(mode);
    if (owner !== undefined) await handle.chown(owner.uid, owner.gid);
  } finally {
    await handle.close();
  }
}
