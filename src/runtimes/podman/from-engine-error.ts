import type { RuntimeError, RuntimeErrorCode } from '../../core/container-runtime.ts';
import { translateError } from '../shared/translate-error.ts';

/** An answer that isn't a success, with the words of its JSON body (`message`, which ends with `cause`). */
export class PodmanAnswerError extends Error {
  override readonly name = 'PodmanAnswerError';
  readonly statusCode: number;

  constructor(statusCode: number, body: string) {
    super(`HTTP ${statusCode}: ${messageOf(body)}`);
    this.statusCode = statusCode;
  }
}

/** The one translation of what undici throws and Podman answers. What isn't understood is `unavailable` without an answer, `engine_failed` with one. */
export function fromEngineError(cause: unknown, what: string): RuntimeError {
  return translateError(cause, what, codeOfAnswer);
}

/** Podman says by words what others say by status: an unknown image is 500 on create and 404 elsewhere. */
function codeOfAnswer(statusCode: number, message: string): RuntimeErrorCode {
  if (/image not known|no such image/i.test(message)) return 'image_not_found';
  if (/statfs .*no such file or directory|stat .*: no such file or directory/i.test(message))
    return 'mount_missing';
  // Also a 500, when the container goes while it's looked up.
  if (statusCode === 404 || /no such container/i.test(message)) return 'not_found';
  if (statusCode === 409 || statusCode === 304 || /container state improper|already in use/i.test(message))
    return 'conflict';
  return 'engine_failed';
}

function messageOf(body: string): string {
  try {
    const answer: unknown = JSON.parse(body);
    if (typeof answer === 'object' && answer !== null && 'message' in answer) return String(answer.message);
  } catch {
    // Not JSON: its text is all there is.
  }
  return body.trim();
}
