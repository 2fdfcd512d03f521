import { accepts } from 'hono/accepts';
import { AppError } from '../errors.ts';
import type { AppContext } from './context.ts';

/** How a client wants to hear of its job. */
export interface ExecutionMode {
  /** As it happens, by server-sent events. */
  readonly streams: boolean;
  /** Not now: it asks again by the job's id. */
  readonly isAsync: boolean;
  readonly idempotencyKey: string | undefined;
}

/** Reads `Accept`, `Prefer` (RFC 7240) and `Idempotency-Key`; throws `invalid_request` for a key that is none. */
export function readExecutionMode(c: AppContext): ExecutionMode {
  const supports = ['application/json', 'text/event-stream'];
  const accepted = accepts(c, { header: 'Accept', supports, default: 'application/json' });
  return {
    streams: accepted === 'text/event-stream',
    isAsync: /(^|,)\s*respond-async\s*(;|,|$)/i.test(c.req.header('prefer') ?? ''),
    idempotencyKey: readKey(c.req.header('idempotency-key')),
  };
}

function readKey(header: string | undefined): string | undefined {
  if (header === undefined || /^[\x21-\x7e]{1,255}$/.test(header)) return header;
  throw new AppError(
    'invalid_request',
    'The Idempotency-Key header holds no key: send 1 to 255 visible ASCII characters, such as a UUID.',
  );
}
