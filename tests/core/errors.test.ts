import { describe, expect, it } from 'vitest';
import { RuntimeError, type RuntimeErrorCode } from '../../src/core/container-runtime.ts';
import { buildCommand, toEngineError } from '../../src/core/engine-errors.ts';
import { AppError, ERROR_TABLE } from '../../src/core/errors.ts';

/** The contract's table: each status and its codes. */
const CONTRACT: Readonly<Record<number, readonly string[]>> = {
  400: ['invalid_json', 'invalid_request'],
  401: ['unauthorized'],
  403: ['host_refused', 'origin_refused'],
  404: ['not_found', 'unknown_tool'],
  405: ['method_not_allowed'],
  409: ['in_progress', 'already_finished'],
  413: ['too_large'],
  415: ['unsupported_media_type'],
  416: ['range_not_satisfiable'],
  422: ['idempotency_mismatch'],
  429: ['rate_limited'],
  431: ['headers_too_large'],
  500: ['internal', 'image_unavailable', 'misconfigured'],
  503: [
    'engine_unavailable',
    'limits_not_enforced',
    'overloaded',
    'queue_timeout',
    'shutting_down',
    'infra_error',
  ],
  507: ['storage_full'],
};

describe('error table', () => {
  it('is the contract’s, no code more or less', () => {
    const table: Record<number, string[]> = {};
    for (const [code, { status }] of Object.entries(ERROR_TABLE)) {
      table[status] = [...(table[status] ?? []), code];
    }
    expect(table).toEqual(CONTRACT);
  });

  it('every 503 and 429 says in whole seconds when to come again', () => {
    for (const row of Object.values<{ status: number; retryAfter?: number }>(ERROR_TABLE)) {
      const asked = row.status === 503 || row.status === 429;
      expect(Number.isInteger(row.retryAfter)).toBe(asked);
    }
  });

  it('an error takes the table’s values, and its own Retry-After where it has one', () => {
    expect(new AppError('overloaded', 'x')).toMatchObject({ status: 503, retryAfter: 1, details: {} });
    expect(new AppError('overloaded', 'x', { retryAfter: 9 }).retryAfter).toBe(9);
  });
});

describe('what a client hears of the engine', () => {
  const EXPECTED: Record<RuntimeErrorCode, string> = {
    unavailable: 'engine_unavailable',
    no_socket: 'engine_unavailable',
    permission_denied: 'engine_unavailable',
    wrong_engine: 'misconfigured',
    not_found: 'engine_unavailable',
    conflict: 'engine_unavailable',
    image_not_found: 'image_unavailable',
    limit_discarded: 'limits_not_enforced',
    runtime_unknown: 'misconfigured',
    mount_missing: 'misconfigured',
    engine_failed: 'engine_unavailable',
  };

  it.each(Object.entries(EXPECTED))('%s becomes %s, and the engine’s words stay inside', (code, expected) => {
    const cause = new RuntimeError(code as RuntimeErrorCode, 'open /var/lib/engine/secret: denied');
    const error = toEngineError(cause, 'aa-worker:latest');
    expect(error.code).toBe(expected);
    expect(error.cause).toBe(cause);
    expect(error.message).not.toMatch(/secret|\/var/);
    expect(error.message).toMatch(/: .+\.$/);
  });

  it('anything else is internal; an AppError stays what it is', () => {
    expect(toEngineError(new TypeError('x is undefined'), 'i')).toMatchObject({ code: 'internal' });
    const known = new AppError('misconfigured', 'x');
    expect(toEngineError(known, 'i')).toBe(known);
  });

  it('a missing image names the command that builds it', () => {
    const missing = new RuntimeError('image_not_found', 'x');
    expect(toEngineError(missing, 'aa-worker:latest').message).toContain(
      'docker build -t aa-worker:latest worker',
    );
    expect(toEngineError(missing, 'aa-worker:latest', 'podman').message).toContain(
      '`podman build -t aa-worker:latest worker`',
    );
    expect(buildCommand('aa-worker:data')).toBe(
      'docker build -t aa-worker:data -f worker/Dockerfile.data worker',
    );
  });
});
