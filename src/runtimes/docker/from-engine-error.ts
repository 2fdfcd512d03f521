import { RuntimeError, type RuntimeErrorCode } from '../../core/container-runtime.ts';

/** The one translation of what dockerode and the sockets below it throw. What isn't understood is `unavailable` without an answer, `engine_failed` with one. */
export function fromEngineError(cause: unknown, what: string): RuntimeError {
  if (cause instanceof RuntimeError) return cause;
  const { statusCode, code, message } = partsOf(cause);
  const text = `${what}: ${message}`;
  if (statusCode === undefined) {
    const denied = code === 'EACCES' || code === 'EPERM';
    return new RuntimeError(denied ? 'permission_denied' : 'unavailable', text, { cause });
  }
  return new RuntimeError(codeOfAnswer(statusCode, message), text, { cause });
}

/** 127 or 126 when the engine refused to start because the program can't be executed, `undefined` for any other failure. */
export function exitCodeOfStartFailure(error: RuntimeError): 126 | 127 | undefined {
  if (error.code !== 'engine_failed') return undefined;
  const words = error.message;
  if (!/\bexec(utable file)?\b/.test(words) || !/runc|crun|OCI runtime|container process/.test(words))
    return undefined;
  if (/executable file .*not found|no such file or directory/.test(words)) return 127;
  if (/permission denied|exec format error|is a directory/.test(words)) return 126;
  return undefined;
}

function codeOfAnswer(statusCode: number, message: string): RuntimeErrorCode {
  if (/no such image|image not known|pull access denied|manifest unknown/i.test(message))
    return 'image_not_found';
  if (/unknown or invalid runtime|unknown runtime specified|invalid runtime name/i.test(message))
    return 'runtime_unknown';
  if (/bind source path does not exist|error while creating mount source path/i.test(message))
    return 'mount_missing';
  if (statusCode === 404) return 'not_found';
  if (statusCode === 409 || statusCode === 304) return 'conflict';
  return 'engine_failed';
}

function partsOf(cause: unknown): {
  statusCode: number | undefined;
  code: string | undefined;
  message: string;
} {
  if (!(cause instanceof Error)) return { statusCode: undefined, code: undefined, message: String(cause) };
  const statusCode =
    'statusCode' in cause && typeof cause.statusCode === 'number' ? cause.statusCode : undefined;
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  return { statusCode, code, message: cause.message.trim() };
}
