import type { Context } from 'hono';
import { AppError } from '../errors.ts';

const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

/**
 * Bytes beyond the limit that are read and thrown away, so that a client which sends first and listens then gets the
 * answer instead of a broken connection.
 */
const DISCARD_BYTES = 16 * 1024 * 1024;

/**
 * Reads a JSON body of at most `maxBytes`: 415 for another type or a compressed body (never inflated), 413 without keeping
 * more than allowed, 400 `invalid_json` for what isn't UTF-8 or JSON.
 *
 * @param onGrown hears how many bytes are held, as they come; what it throws ends the reading
 */
export async function readJson(
  c: Context,
  maxBytes: number,
  onGrown: (bytes: number) => void,
): Promise<unknown> {
  if (!JSON_TYPE.test(c.req.header('content-type') ?? '')) {
    throw new AppError(
      'unsupported_media_type',
      'The body must be JSON: send Content-Type: application/json.',
    );
  }
  if ((c.req.header('content-encoding') ?? 'identity').toLowerCase() !== 'identity') {
    throw new AppError(
      'unsupported_media_type',
      'Compressed bodies are not read: send the JSON without Content-Encoding.',
    );
  }
  if ((contentLength(c) ?? 0) > maxBytes + DISCARD_BYTES) throw cutOff(maxBytes);
  return parse(await readBytes(c.req.raw, maxBytes, onGrown));
}

/** Bytes that the body is declared to have; `undefined` where it's sent without. */
export function contentLength(c: Context): number | undefined {
  const length = c.req.header('content-length');
  return length === undefined ? undefined : Number(length);
}

async function readBytes(
  request: Request,
  maxBytes: number,
  onGrown: (bytes: number) => void,
): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of request.body ?? []) {
    total += chunk.length;
    if (total > maxBytes + DISCARD_BYTES) throw cutOff(maxBytes);
    if (total <= maxBytes) {
      onGrown(total);
      chunks.push(chunk);
    } else chunks.length = 0;
  }
  if (total > maxBytes) throw tooLarge(maxBytes);
  return chunks;
}

function parse(chunks: readonly Uint8Array[]): unknown {
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    const text = chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join('') + decoder.decode();
    return JSON.parse(text);
  } catch {
    throw new AppError('invalid_json', 'The body is not JSON in UTF-8: send one JSON object.');
  }
}

function tooLarge(maxBytes: number, headers: Readonly<Record<string, string>> = {}): AppError {
  const message = `The body is larger than ${maxBytes} bytes: send less, or raise AA_MAX_BODY_BYTES.`;
  return new AppError('too_large', message, { headers });
}

/** What is left of the body isn't read, so this connection can carry no further request. */
function cutOff(maxBytes: number): AppError {
  return tooLarge(maxBytes, { Connection: 'close' });
}
