import type {
  CollectBounds,
  CollectedFile,
  Collection,
  SkippedFile,
  SkipReason,
} from '../../core/workspace.ts';
import { type ByteName, fromByteName, showByteName } from '../disk/byte-name.ts';
import { type Folder, type OpenFile, openFile, openFolder, type Refusal, toRefusal } from '../disk/folder.ts';
import { type Entry, readEntries, sortEntries } from '../disk/read-entries.ts';
import { hashFile } from '../disk/read-file.ts';

const MAX_ENTRIES = 100_000;
/** A folder takes several calls of the kernel, so far fewer of them are looked into. */
const MAX_FOLDERS = 20_000;
const MAX_DEPTH = 100;
/** Leaves room in a key's 1,024 bytes for session, job and a bucket's prefix. */
const MAX_PATH_BYTES = 800;
const MAX_SKIPPED = 1000;
/** Files open at once. */
const WIDTH = 16;

/** How far a walk has come. */
interface Walk extends CollectBounds {
  readonly files: CollectedFile[];
  readonly skipped: SkippedFile[];
  truncated: boolean;
  /** Set once nothing more can be listed. */
  ended: boolean;
  entriesLeft: number;
  filesLeft: number;
  foldersLeft: number;
  bytesLeft: number;
}

/** Lists and hashes the regular files below a folder that a program filled; owns nothing. */
export async function collectFiles(root: Folder, bounds: CollectBounds): Promise<Collection> {
  const walk: Walk = {
    ...bounds,
    files: [],
    skipped: [],
    truncated: false,
    ended: false,
    entriesLeft: MAX_ENTRIES,
    filesLeft: bounds.maxFiles,
    foldersLeft: MAX_FOLDERS,
    bytesLeft: bounds.maxBytes,
  };
  await collectFolder(walk, root, '', 1);
  const { files, skipped, truncated } = walk;
  return { files, skipped, truncated };
}

async function collectFolder(walk: Walk, folder: Folder, path: ByteName, depth: number): Promise<void> {
  const { entries, more } = await readEntries(folder, walk.entriesLeft);
  walk.entriesLeft -= entries.length;
  walk.truncated ||= more;
  let batch: ByteName[] = [];
  const flush = async (): Promise<void> => {
    const names = batch;
    batch = [];
    if (names.length > 0 && !walk.ended) await collectBatch(walk, folder, path, names);
  };
  for (const { name, kind } of sortEntries(entries)) {
    const reason = reasonByName(path + name, kind);
    if (reason !== undefined) {
      skip(walk, path + name, reason);
    } else if (kind === 'file') {
      batch.push(name);
      if (batch.length === WIDTH) await flush();
    } else {
      // Files are taken in the order of their paths: when the bytes run out, it doesn't depend on timing for whom.
      await flush();
      if (!walk.ended) await enter(walk, folder, path + name, name, depth);
    }
    if (walk.ended) return;
  }
  await flush();
}

function reasonByName(path: ByteName, kind: Entry['kind']): SkipReason | undefined {
  if (kind === 'symlink') return 'symlink';
  if (kind === 'other') return 'not_a_file';
  if (path.length > MAX_PATH_BYTES) return 'name_too_long';
  return fromByteName(path) === undefined ? 'name_not_utf8' : undefined;
}

async function enter(
  walk: Walk,
  parent: Folder,
  path: ByteName,
  name: ByteName,
  depth: number,
): Promise<void> {
  walk.signal?.throwIfAborted();
  if (depth >= MAX_DEPTH) return skip(walk, path, 'too_deep');
  if (walk.foldersLeft === 0 || walk.entriesLeft === 0) {
    walk.truncated = true;
    return;
  }
  walk.foldersLeft -= 1;
  const folder = await openFolder(parent, name);
  if (typeof folder === 'string') return skipRefused(walk, path, folder);
  try {
    await collectFolder(walk, folder, `${path}/`, depth + 1);
  } finally {
    await folder.handle.close();
  }
}

async function collectBatch(
  walk: Walk,
  folder: Folder,
  path: ByteName,
  names: readonly ByteName[],
): Promise<void> {
  walk.signal?.throwIfAborted();
  const opened = await Promise.all(
    names.map(async (name) => ({ path: path + name, file: await openFile(folder, name) })),
  );
  try {
    const admitted = opened.filter((candidate) => admit(walk, candidate));
    // All of them are awaited, also when one fails: a handle must not be closed while it's read.
    const settled = await Promise.allSettled(admitted.map(({ file }) => hash(file, walk.signal)));
    settled.forEach((result, at) => {
      const candidate = admitted[at];
      if (result.status === 'rejected') throw result.reason;
      if (candidate !== undefined) list(walk, candidate, result.value);
    });
  } finally {
    await Promise.all(opened.map(({ file }) => (typeof file === 'string' ? undefined : file.handle.close())));
  }
}

interface Candidate {
  readonly path: ByteName;
  readonly file: OpenFile | Refusal;
}

interface Admitted extends Candidate {
  readonly file: OpenFile;
}

/** Decides by size alone, before anything is read. */
function admit(walk: Walk, candidate: Candidate): candidate is Admitted {
  const { path, file } = candidate;
  if (walk.ended) return false;
  if (typeof file === 'string') {
    skipRefused(walk, path, file);
    return false;
  }
  // None is left of a file that was replaced or deleted since it was opened: it's still whole.
  if (file.stats.nlink > 1) {
    skip(walk, path, 'hard_link');
    return false;
  }
  if (walk.filesLeft === 0) {
    skip(walk, path, 'too_many');
    walk.truncated = true;
    walk.ended = true;
    return false;
  }
  if (file.stats.size > walk.bytesLeft) {
    skip(walk, path, 'too_large');
    return false;
  }
  walk.filesLeft -= 1;
  walk.bytesLeft -= file.stats.size;
  return true;
}

type Hashed = { readonly sha256: string } | { readonly reason: SkipReason };

async function hash(file: OpenFile, signal: AbortSignal | undefined): Promise<Hashed> {
  try {
    const sha256 = await hashFile(file, signal);
    return sha256 === 'changed' ? { reason: 'changed_while_read' } : { sha256 };
  } catch (error) {
    toRefusal(error);
    return { reason: 'unreadable' };
  }
}

function list(walk: Walk, { path, file }: Admitted, hashed: Hashed): void {
  const { size } = file.stats;
  if ('sha256' in hashed) {
    walk.files.push({ path: `workspace/${showByteName(path)}`, size, sha256: hashed.sha256 });
    return;
  }
  walk.filesLeft += 1;
  walk.bytesLeft += size;
  skip(walk, path, hashed.reason);
}

/** What has gone since its folder was read was changed by somebody while we read. */
function skipRefused(walk: Walk, path: ByteName, refusal: Refusal): void {
  skip(walk, path, refusal === 'absent' ? 'changed_while_read' : refusal);
}

function skip(walk: Walk, path: ByteName, reason: SkipReason): void {
  if (walk.skipped.length < MAX_SKIPPED) walk.skipped.push({ name: showByteName(path), reason });
  else walk.truncated = true;
}
