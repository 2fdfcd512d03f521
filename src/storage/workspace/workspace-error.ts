import { WorkspaceError } from '../../core/workspace.ts';
import { isNoSpace } from '../disk/store-error.ts';

/** Translates what the file system says of a job's folder; the abort of a caller passes unchanged. */
export function toWorkspaceError(error: unknown, signal?: AbortSignal): unknown {
  if (error instanceof WorkspaceError || signal?.aborted) return error;
  return isNoSpace(error)
    ? new WorkspaceError('no_space', 'The disk is full.', { cause: error })
    : new WorkspaceError('unavailable', `The folder can't be used: ${String(error)}`, { cause: error });
}

/** Runs something on a job's folder; rejects with a WorkspaceError only. */
export async function translated<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw toWorkspaceError(error, signal);
  }
}
