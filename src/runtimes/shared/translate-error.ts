import { RuntimeError, type RuntimeErrorCode } from '../../core/container-runtime.ts';

/**
 * What an engine's client or the socket below it threw, in the contract's words. Without an answer it's `unavailable` (or
 * `permission_denied`); with one, `codeOfAnswer` decides by the status and the engine's words.
 */
export function translateError(
  cause: unknown,
  what: string,
  codeOfAnswer: (statusCode: number, message: string) => RuntimeErrorCode,
): RuntimeError {
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
export function exitCodeOfStartFailure(error: unknown): 126 | 127 | undefined {
  if (!(error instanceof RuntimeError)) return undefined;
  if (error.code !== 'engine_failed' && error.code !== 'conflict') return undefined;
  const words = error.message;
  if (!/\bexec(utable file)?\b/.test(words) || !/runc|crun|OCI runtime|container process/.test(words))
    return undefined;
  if (/executable file .*not found|no such file or directory/.test(words)) return 127;
  if (/permission denied|exec format error|is a directory/.test(words)) return 126;
  return undefined;
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
