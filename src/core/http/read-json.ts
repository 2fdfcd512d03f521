import type { Context } from 'hono';
import { AppError } from '../errors.ts';

const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

/**
 * Reads a JSON body of at most `maxBytes`: 415 for another type or a compressed body (never inflated), 413 before more is
 * read than allowed, 400 `invalid_json` for what isn't UTF-8 or JSON.
 */
export async function readJson(c: Context, maxBytes: number): Promise<unknown> {
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
  if (Number(c.req.header('content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes);
  return parse(await readBytes(c.req.raw, maxBytes));
}

async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of request.body ?? []) {
    total += chunk.length;
    if (total > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
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

function tooLarge(maxBytes: number): AppError {
  return new AppError(
    'too_large',
    `The body is larger than ${maxBytes} bytes: send less, or raise AA_MAX_BODY_BYTES.`,
    // What is left of the body isn't read, so this connection can carry no further request.
    { headers: { Connection: 'close' } },
  );
}
