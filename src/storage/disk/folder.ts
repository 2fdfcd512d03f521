import { constants, type Stats } from 'node:fs';
import { chmod, type FileHandle, lstat, open } from 'node:fs/promises';
import type { ByteName } from './byte-name.ts';

/** An open folder. What lies in it is reached through the descriptor, so that no renaming above it leads elsewhere. */
export interface Folder {
  readonly handle: FileHandle;
  /** Where it was when it was opened; only the platforms without `/proc` go by it. */
  readonly path: ByteName;
  readonly dev: number;
  readonly ino: number;
}

export interface OpenFile {
  readonly handle: FileHandle;
  readonly stats: Stats;
}

/** Why something in a folder isn't opened. */
export type Refusal = 'absent' | 'symlink' | 'not_a_file' | 'unreadable';

const HAS_PROC = process.platform === 'linux';
/** Opens neither for reading nor for writing, and so without any right on the file; Node doesn't name it. */
const O_PATH = 0o10000000;
const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;

const REFUSALS: Readonly<Record<string, Refusal>> = {
  ENOENT: 'absent',
  ENAMETOOLONG: 'absent',
  ESTALE: 'absent',
  ELOOP: 'symlink',
  ENOTDIR: 'not_a_file',
  EISDIR: 'not_a_file',
  ENXIO: 'not_a_file',
  ENODEV: 'not_a_file',
  EACCES: 'unreadable',
  EPERM: 'unreadable',
  EIO: 'unreadable',
};

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** What an error says of the thing that was to be opened; throws it again when it says something of us (EMFILE, ENOMEM). */
export function toRefusal(error: unknown): Refusal {
  const refusal = REFUSALS[errorCode(error) ?? ''];
  if (refusal === undefined) throw error;
  return refusal;
}

/** The path by which to reach a name in an open folder: on Linux past all links, elsewhere by the path it had. */
export function pathIn(folder: Folder, name: ByteName): Buffer {
  return Buffer.from(`${pathOf(folder)}/${name}`, 'latin1');
}

export function pathOf(folder: Folder): ByteName {
  return HAS_PROC ? `/proc/self/fd/${folder.handle.fd}` : folder.path;
}

/** Opens a folder that is trusted, links on the way to it included. */
export async function openRoot(path: string): Promise<Folder> {
  const handle = await open(path, O_RDONLY | O_DIRECTORY);
  return toFolder(handle, Buffer.from(path, 'utf8').toString('latin1'));
}

async function toFolder(handle: FileHandle, path: ByteName): Promise<Folder> {
  try {
    const { dev, ino } = await handle.stat();
    return { handle, path, dev, ino };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Opens a folder in a folder; never through a link and never on another file system. */
export async function openFolder(parent: Folder, name: ByteName): Promise<Folder | Refusal> {
  const handle = await openIn(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (typeof handle === 'string') return handle;
  const folder = await toFolder(handle, `${parent.path}/${name}`);
  if (folder.dev === parent.dev) return folder;
  await handle.close();
  return 'unreadable';
}

/** Opens a regular file in a folder, for reading; never through a link. */
export async function openFile(parent: Folder, name: ByteName): Promise<OpenFile | Refusal> {
  // Without O_NONBLOCK a FIFO would hold one of the few threads until somebody writes to it.
  const handle = await openIn(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (typeof handle === 'string') return handle;
  try {
    const stats = await handle.stat();
    const refusal = refuse(stats, parent);
    if (refusal === undefined) return { handle, stats };
    await handle.close();
    return refusal;
  } catch (error) {
    await handle.close().catch(() => {});
    return toRefusal(error);
  }
}

function refuse(stats: Stats, parent: Folder): Refusal | undefined {
  if (!stats.isFile()) return 'not_a_file';
  return stats.dev === parent.dev ? undefined : 'unreadable';
}

async function openIn(parent: Folder, name: ByteName, flags: number): Promise<FileHandle | Refusal> {
  let handle: FileHandle;
  try {
    handle = await open(pathIn(parent, name), flags);
  } catch (error) {
    const refusal = toRefusal(error);
    return refusal === 'unreadable' && errorCode(error) !== 'EIO' ? openDenied(parent, name, flags) : refusal;
  }
  if (HAS_PROC || (await isStillThere(parent))) return handle;
  await handle.close();
  return 'absent';
}

/** Without `/proc` a folder above may have become a link since: then its path leads to another folder than the open one. */
async function isStillThere({ path, dev, ino }: Folder): Promise<boolean> {
  const now = await lstat(Buffer.from(path, 'latin1')).catch(() => undefined);
  return now !== undefined && now.dev === dev && now.ino === ino;
}

/** What a program made inaccessible to its own user, who is ours too, is made accessible again. */
async function openDenied(parent: Folder, name: ByteName, flags: number): Promise<FileHandle | Refusal> {
  if (!HAS_PROC) return 'unreadable';
  let pinned: FileHandle | undefined;
  try {
    pinned = await open(pathIn(parent, name), O_PATH | O_NOFOLLOW);
    const stats = await pinned.stat();
    const isWanted = stats.isDirectory() || (stats.isFile() && stats.nlink === 1);
    if (!isWanted || stats.uid !== process.geteuid?.()) return 'unreadable';
    const path = `/proc/self/fd/${pinned.fd}`;
    await chmod(path, stats.isDirectory() ? 0o700 : stats.mode | 0o400);
    // The descriptor names the very file that was looked at; only the link to it in /proc has to be followed.
    return await open(path, flags & ~O_NOFOLLOW);
  } catch (error) {
    return toRefusal(error);
  } finally {
    await pinned?.close();
  }
}

/** Goes from a trusted folder down the parts; `enter` decides how each is opened. The caller closes what it gets. */
export async function openPath(
  root: string,
  parts: readonly ByteName[],
  enter: (parent: Folder, name: ByteName) => Promise<Folder | Refusal> = openFolder,
): Promise<Folder | Refusal> {
  let folder: Folder;
  try {
    folder = await openRoot(root);
  } catch (error) {
    return toRefusal(error);
  }
  for (const part of parts) {
    const parent = folder;
    const next = await enter(parent, part).finally(() => parent.handle.close());
    if (typeof next === 'string') return next;
    folder = next;
  }
  return folder;
}

/** Calls `use` with the folder that the parts lead to, and closes it. */
export async function withFolder<T>(
  root: string,
  parts: readonly ByteName[],
  use: (folder: Folder) => Promise<T>,
  enter?: (parent: Folder, name: ByteName) => Promise<Folder | Refusal>,
): Promise<T | Refusal> {
  const folder = await openPath(root, parts, enter);
  if (typeof folder === 'string') return folder;
  try {
    return await use(folder);
  } finally {
    await folder.handle.close();
  }
}

/** Opens a file below a trusted folder, part by part. */
export async function openBeneath(root: string, parts: readonly ByteName[]): Promise<OpenFile | Refusal> {
  const name = parts.at(-1);
  if (name === undefined) return 'not_a_file';
  return withFolder(root, parts.slice(0, -1), (folder) => openFile(folder, name));
}
