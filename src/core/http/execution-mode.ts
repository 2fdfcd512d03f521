import { accepts } from 'hono/accepts';
import * as v from 'valibot';
import { idempotencyKey } from '../schemas.ts';
import type { AppContext } from './context.ts';
import { parseInput } from './parse-input.ts';
import type { Parameter } from './route.ts';

const KEY = v.optional(idempotencyKey);

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
    idempotencyKey: parseInput(KEY, c.req.header('idempotency-key'), 'Idempotency-Key'),
  };
}

/** The headers that it reads, for the document. */
export const EXECUTION_PARAMETERS: readonly Parameter[] = [
  {
    in: 'header',
    name: 'Idempotency-Key',
    description:
      'The job runs to its end, whoever waits, and the same key never runs another: the same request gets the same answer.',
    schema: KEY,
    example: '0b1f6f0e-3f0c-4e6c-8f4e-7d1b2a9c5e31',
  },
  {
    in: 'header',
    name: 'Prefer',
    description: '`respond-async`: 202 at once, and the job runs to its end.',
    schema: v.optional(v.string()),
    example: 'respond-async',
  },
];
