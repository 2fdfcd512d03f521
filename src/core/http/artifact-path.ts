import { AppError } from '../errors.ts';
import { JOB_ID_PATTERN, SESSION_ID_PATTERN } from '../ids.ts';
import type { JobRef } from '../workspace.ts';

const PREFIX = '/artifacts/';

/**
 * Reads session, job and name from an artifact's URL, each part decoded exactly once and after splitting: an encoded slash
 * never makes another part. Throws 400 for what can't be decoded, holds a control character or isn't an id.
 */
export function parseArtifactPath(url: string): { readonly job: JobRef; readonly name: string } {
  const { pathname } = new URL(url);
  const [sessionId = '', jobId = '', ...rest] = pathname.slice(PREFIX.length).split('/').map(decode);
  const name = rest.join('/');
  if (sessionId !== '' && !SESSION_ID_PATTERN.test(sessionId)) throw invalid('is no session id');
  if (sessionId === '' || !JOB_ID_PATTERN.test(jobId) || name === '') {
    throw new AppError(
      'not_found',
      'There is no such artifact: use a URL from the answer of a finished job.',
    );
  }
  return { job: { sessionId, jobId }, name };
}

function decode(part: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(part);
  } catch {
    throw invalid('is not percent-encoded UTF-8');
  }
  if (/[\0\r\n]/.test(decoded)) throw invalid('holds a control character');
  return decoded;
}

function invalid(what: string): AppError {
  return new AppError(
    'invalid_request',
    `A part of the artifact's URL ${what}: use a URL as the answer gave it.`,
  );
}
