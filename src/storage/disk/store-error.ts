import { StoreError } from '../../core/artifact-store.ts';
import { errorCode } from './folder.ts';

/** True for a disk or a quota that is full. */
export function isNoSpace(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** Translates what the file system says; what isn't its own (a failing body, an abort's reason) passes unchanged. */
export function toStoreError(error: unknown): unknown {
  if (error instanceof StoreError || !isSystemError(error)) return error;
  return isNoSpace(error)
    ? new StoreError('no_space', 'The disk is full.', { cause: error })
    : new StoreError('unavailable', `The disk refused: ${error.message}`, { cause: error });
}

function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && typeof error.syscall === 'string';
}
