import { accepts } from 'hono/accepts';
import * as v from 'valibot';
import { idempotencyKey } from '../schemas.ts';
import type { AppContext } from './context.ts';
import { headerPlace, parseInput } from './parse-input.ts';
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

/** Reads `Accept`, `Prefer` and `Idempotency-Key`; throws `invalid_request` for a key that is none. */
export function readExecutionMode(c: AppContext): ExecutionMode {
  const accepted = accepts(c, { header: 'Accept', supports: [JSON_TYPE, STREAM], default: JSON_TYPE, match });
  return {
    streams: accepted === STREAM,
    isAsync: prefersAsync(c.req.header('prefer') ?? ''),
    idempotencyKey: parseInput(KEY, c.req.header('idempotency-key'), headerPlace('Idempotency-Key')),
  };
}

const JSON_TYPE = 'application/json';
const STREAM = 'text/event-stream';

/** One of those that `Accept` names, with how much it's wanted. */
interface MediaRange {
  readonly type: string;
  readonly q: number;
}

/** RFC 9110, section 12.5.1. A stream is only for who names it: `*` is sent by clients that read one body. */
function match(ranges: readonly MediaRange[]): string {
  const quality = (names: readonly string[]): number => {
    const name = names.find((each) => ranges.some(({ type }) => type.toLowerCase() === each));
    return Math.max(0, ...ranges.filter(({ type }) => type.toLowerCase() === name).map(({ q }) => q));
  };
  return quality([STREAM]) > quality([JSON_TYPE, 'application/*', '*/*']) ? STREAM : JSON_TYPE;
}

/** RFC 7240, section 2: preferences between commas, each a token with parameters behind it; strings may hold commas. */
function prefersAsync(prefer: string): boolean {
  const preferences = prefer.match(/(?:[^",]|"(?:[^"\\]|\\.)*"?)+/g) ?? [];
  return preferences.some((each) => /^\s*respond-async\s*(=\s*(""\s*)?)?(;|$)/i.test(each));
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
