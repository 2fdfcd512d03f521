import type { Finding } from '../core/finding.ts';
import { DEFAULT_LIMITS } from '../core/limits.ts';
import type { Workspaces } from '../core/workspace.ts';
import { probeStorage, type StorageProbeOptions, toSetUpError } from './probe-storage.ts';

/** Proves that service and engine have one folder, in which a run may write. Rejects as `probeStorage` does. */
export async function checkStorage(options: StorageProbeOptions, label: string): Promise<Finding> {
  await probeStorage(options);
  return {
    name: 'storage',
    status: 'ok',
    asked: `${label}: one folder by the same path here and where the engine is, writable by runs`,
    seen: 'it is',
    how: 'a run read a file of ours and wrote one that we read',
  };
}

const GIB = 1024 ** 3;
/** With less a job can't even keep its own record for sure. */
const LEAST_BYTES = 64 * 1024 * 1024;
const LEAST_INODES = 10_000;

/** Free space for at least one run at its default limit. */
export async function checkFree(workspaces: Workspaces): Promise<Finding> {
  const { bytes, inodes } = await workspaces.free().catch((error) => {
    throw toSetUpError(error);
  });
  const row = {
    name: 'free_space',
    asked: `${DEFAULT_LIMITS.diskBytes / GIB} GiB and ${LEAST_INODES} inodes, what one run may take`,
    seen: `${(bytes / GIB).toFixed(1)} GiB${inodes === Number.MAX_SAFE_INTEGER ? '' : `, ${inodes} inodes`}`,
    how: "the storage folder's file system told it",
  };
  if (bytes >= DEFAULT_LIMITS.diskBytes && inodes >= LEAST_INODES) return { ...row, status: 'ok' };
  const status = bytes < LEAST_BYTES ? 'fail' : 'warn';
  const cure = 'Delete old sessions, enlarge the disk, or set AA_STORAGE_PATH to a larger one.';
  return { ...row, status, cure };
}
