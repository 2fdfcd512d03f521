import type { ErrorDetails } from './response-schemas.ts';

/**
 * The closed table of error codes: what the client hears for each.
 *
 * A code that is missing here doesn't compile. `retryAfter` is in whole seconds and becomes the `Retry-After` header.
 */
export const ERROR_TABLE = {
  invalid_json: { status: 400 },
  invalid_request: { status: 400 },
  unauthorized: { status: 401 },
  host_refused: { status: 403 },
  origin_refused: { status: 403 },
  not_found: { status: 404 },
  unknown_tool: { status: 404 },
  method_not_allowed: { status: 405 },
  in_progress: { status: 409 },
  already_finished: { status: 409 },
  too_large: { status: 413 },
  unsupported_media_type: { status: 415 },
  range_not_satisfiable: { status: 416 },
  idempotency_mismatch: { status: 422 },
  rate_limited: { status: 429, retryAfter: 1 },
  headers_too_large: { status: 431 },
  internal: { status: 500 },
  image_unavailable: { status: 500 },
  misconfigured: { status: 500 },
  engine_unavailable: { status: 503, retryAfter: 5 },
  limits_not_enforced: { status: 503, retryAfter: 60 },
  overloaded: { status: 503, retryAfter: 1 },
  queue_timeout: { status: 503, retryAfter: 5 },
  shutting_down: { status: 503, retryAfter: 10 },
  infra_error: { status: 503, retryAfter: 1 },
  storage_full: { status: 507 },
} as const satisfies Record<string, { status: number; retryAfter?: number }>;

export type ErrorCode = keyof typeof ERROR_TABLE;

/**
 * One thing wrong with a request: where (`files.0.path`, the name of a query parameter or header, empty for the whole body) and
 * what to send instead.
 */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

export interface AppErrorOptions {
  readonly cause?: unknown;
  readonly issues?: readonly Issue[] | undefined;
  /** Whole seconds; overrides the table's. */
  readonly retryAfter?: number | undefined;
  /** Response headers that belong to this answer, such as `Allow`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the `error` object, such as the job's id and its artifacts. */
  readonly details?: ErrorDetails;
}

/**
 * An error with a place in the contract's table. Its message is written for the client and ends with the cure;
 * what must not reach the client (paths, engine text, stack) travels in `cause` and goes to the log only.
 */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly issues: readonly Issue[] | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly details: ErrorDetails;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, { cause: options.cause });
    const row: { status: number; retryAfter?: number } = ERROR_TABLE[code];
    this.code = code;
    this.issues = options.issues;
    this.headers = options.headers ?? {};
    this.details = options.details ?? {};
    this.retryAfter = options.retryAfter ?? row.retryAfter;
  }

  get status(): number {
    return ERROR_TABLE[this.code].status;
  }
}

/** What nobody foresaw: the cause is told to the log alone, and the client by what it stands there. */
export function internalError(
  cause: unknown,
  by: 'the requestId' | 'the job’s id' = 'the requestId',
): AppError {
  return new AppError('internal', `Something failed inside the service: see its log by ${by}.`, { cause });
}
