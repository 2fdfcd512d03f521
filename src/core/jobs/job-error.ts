import { AppError, internalError } from '../errors.ts';
import type { JobRef } from '../workspace.ts';

/** Why a job that somebody knows came to no end of its own, as its first client hears it and whoever asks for it later. */
export function toJobError(error: unknown, { jobId: id, sessionId }: JobRef): AppError {
  const known = error instanceof AppError ? error : internalError(error, 'the job’s id');
  const { code, message, cause, issues, headers, retryAfter } = known;
  const details = { id, sessionId, ...known.details };
  return new AppError(code, message, { cause, issues, headers, retryAfter, details });
}
