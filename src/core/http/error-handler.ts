import { AppError, internalError } from '../errors.ts';
import type { ErrorBody } from '../response-schemas.ts';
import type { AppContext } from './context.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** The only maker of error bodies: nothing of an error but its code, message and details reaches the client. */
export function handleError(error: unknown, c: AppContext): Response {
  const known = error instanceof AppError ? error : unexpected(error, c);
  c.set('errorCode', known.code);
  const body = toErrorBody(known, c);
  const headers = new Headers({ 'Content-Type': 'application/json', ...known.headers });
  if (known.retryAfter !== undefined) headers.set('Retry-After', String(known.retryAfter));
  if (c.get('requestId') !== undefined) headers.set('X-Request-Id', c.get('requestId'));
  return new Response(c.req.method === 'HEAD' ? null : JSON.stringify(body), {
    status: known.status,
    headers,
  });
}

/** What a client reads of an error, in an answer of its own or as the last event of a stream. Logs the cause. */
export function toErrorBody({ code, message, cause, issues, details }: AppError, c: AppContext): ErrorBody {
  if (cause !== undefined) c.get('logger')?.error({ err: cause, code }, message);
  return {
    error: {
      code,
      message,
      requestId: c.get('requestId'),
      ...(issues === undefined ? {} : { issues }),
      ...details,
    },
  };
}

export function handleNotFound(c: AppContext): Response {
  if (!METHODS.includes(c.req.method)) {
    const error = new AppError(
      'method_not_allowed',
      `${c.req.method} is not used by this service: use GET or POST.`,
      {
        headers: { Allow: 'GET, HEAD, POST' },
      },
    );
    return handleError(error, c);
  }
  return handleError(
    new AppError('not_found', 'There is nothing at this address: GET /tools lists the tools.'),
    c,
  );
}

function unexpected(error: unknown, c: AppContext): AppError {
  // A client that went away is no fault of ours; nobody reads this answer.
  if (c.req.raw.signal.aborted) return new AppError('infra_error', 'The client went away.');
  return internalError(error);
}
