import type { RuntimeError, RuntimeErrorCode } from '../../core/container-runtime.ts';
import { translateError } from '../shared/translate-error.ts';

/** The one translation of what dockerode and the sockets below it throw. What isn't understood is `unavailable` without an answer, `engine_failed` with one. */
export function fromEngineError(cause: unknown, what: string): RuntimeError {
  return translateError(cause, what, codeOfAnswer);
}

function codeOfAnswer(statusCode: number, message: string): RuntimeErrorCode {
  if (/no such image|pull access denied|manifest unknown/i.test(message)) return 'image_not_found';
  if (/unknown or invalid runtime|unknown runtime specified|invalid runtime name/i.test(message))
    return 'runtime_unknown';
  if (/bind source path does not exist|error while creating mount source path/i.test(message))
    return 'mount_missing';
  if (statusCode === 404) return 'not_found';
  if (statusCode === 409 || statusCode === 304) return 'conflict';
  return 'engine_failed';
}
