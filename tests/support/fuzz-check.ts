import { expect } from 'vitest';
import { readEvents } from './event-stream.ts';
import type { FuzzRequest } from './fuzz-requests.ts';
import type { ApiDocument, ApiMedia, ApiOperation, JsonSchema, Shapes } from './openapi.ts';

/** An answer, and what of the document it's measured by. */
interface Answered {
  readonly request: FuzzRequest;
  readonly path: string;
  readonly response: Response;
}

/** What a request's operation is by the document: that of another method where the method was changed. */
export function operationOf(
  document: ApiDocument,
  { template, method }: FuzzRequest,
): ApiOperation | undefined {
  const item = document.paths[template];
  return item?.[method.toLowerCase()] ?? (method === 'HEAD' ? item?.get : undefined);
}

/** Reads an answer to its end, and fails when the document doesn't allow it. Returns its JSON, where it is one. */
export async function checkAnswer(
  document: ApiDocument,
  shapes: Shapes,
  { request, path, response }: Answered,
): Promise<unknown> {
  const { status, headers } = response;
  const type = (headers.get('content-type') ?? '').split(';')[0] ?? '';
  const told = `${request.method} ${path} ${JSON.stringify(request).slice(0, 2000)} → ${status}`;
  expect(headers.get('x-request-id'), told).toMatch(/./);
  if (status === 503 || status === 429) expect(headers.get('retry-after'), told).toMatch(/^[1-9]\d*$/);
  else expect(status, told).toBeLessThan(500);
  const operation = operationOf(document, request);
  // An address that was normalised on its way is another one.
  const isElsewhere = new URL(path, 'http://x').pathname !== path.split('?')[0];
  if (operation === undefined || isElsewhere) {
    if (!isElsewhere) expect([401, 405], told).toContain(status);
    if (status === 405) expect(headers.get('allow'), told).toMatch(/GET|POST|DELETE/);
    await response.body?.cancel();
    return undefined;
  }
  const described = operation.responses[status];
  if (described === undefined) throw new Error(`${told}: not in the document`);
  const media = described.content?.[type] ?? described.content?.['*/*'];
  if (type === 'text/event-stream' && request.method !== 'HEAD') {
    await checkStream(shapes, media, response, told);
    return undefined;
  }
  const text = await response.text();
  if (text === '') return undefined;
  if (media === undefined) throw new Error(`${told}: ${type} is not in the document`);
  if (type !== 'application/json' || media === described.content?.['*/*']) return undefined;
  const value: unknown = JSON.parse(text);
  expect(shapes.problems(media.schema, value), `${told} ${text}`).toEqual([]);
  return value;
}

async function checkStream(
  shapes: Shapes,
  media: ApiMedia | undefined,
  response: Response,
  told: string,
): Promise<void> {
  const schemas = media?.schema['x-events'] as Readonly<Record<string, JsonSchema>> | undefined;
  let last: string | undefined;
  let lastId = 0;
  for await (const { id, event, data } of readEvents(response)) {
    const schema = schemas?.[event];
    if (schema === undefined) throw new Error(`${told}: the event ${event} is not in the document`);
    expect(shapes.problems(schema, data), `${told} ${event}`).toEqual([]);
    expect(id, told).toBeGreaterThan(lastId);
    lastId = id;
    last = event;
  }
  expect(['result', 'error'], told).toContain(last);
}
