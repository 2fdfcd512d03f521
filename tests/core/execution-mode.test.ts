import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import type { AppVariables } from '../../src/core/http/context.ts';
import { type ExecutionMode, readExecutionMode } from '../../src/core/http/execution-mode.ts';

/** The mode that these headers ask for. */
async function read(headers: readonly (readonly [name: string, value: string])[]): Promise<ExecutionMode> {
  let mode: ExecutionMode | undefined;
  const app = new Hono<{ Variables: AppVariables }>();
  app.get('/', (c) => {
    mode = readExecutionMode(c);
    return c.body(null);
  });
  await app.request('/', { headers: headers.map(([name, value]): [string, string] => [name, value]) });
  if (mode === undefined) throw new Error('the headers were refused');
  return mode;
}

describe('Accept', () => {
  it.each([
    ['text/event-stream'],
    ['Text/Event-Stream'],
    ['text/event-stream;charset=utf-8'],
    ['text/event-stream, application/json;q=0.9'],
    ['application/json;q=0.5, text/event-stream;q=0.6'],
    ['text/event-stream, */*;q=0.1'],
    ['text/event-stream;q=0.1, application/json;q=0, */*'],
    ['text/event-stream;q=0.5, application/*;q=0.1, */*'],
    ['text/event-stream, text/html'],
  ])('%s streams', async (accept) => {
    expect((await read([['Accept', accept]])).streams).toBe(true);
  });

  it.each([
    [''],
    ['*/*'],
    ['text/*'],
    ['text/*, */*;q=0.1'],
    ['text/html'],
    ['application/json'],
    ['application/json, text/event-stream'],
    ['text/event-stream, application/json'],
    ['text/event-stream;q=0.9, application/*'],
    ['text/event-stream;q=0'],
    ['text/event-stream;q=0, application/json;q=0'],
    ['text/plain; x="text/event-stream, y"'],
  ])('%s is answered with JSON', async (accept) => {
    expect((await read([['Accept', accept]])).streams).toBe(false);
  });

  it('absent is answered with JSON', async () => {
    expect((await read([])).streams).toBe(false);
  });
});

describe('Prefer', () => {
  it.each([
    ['respond-async'],
    ['Respond-Async'],
    ['respond-async; foo'],
    ['respond-async;foo="a, b"'],
    ['respond-async=""'],
    ['wait=10, respond-async'],
    ['wait=10,respond-async , handling=lenient'],
    ['handling="a \\" b", respond-async'],
  ])('%s lets the job run by itself', async (prefer) => {
    expect((await read([['Prefer', prefer]])).isAsync).toBe(true);
  });

  it('in several headers is one list', async () => {
    const headers = [
      ['Prefer', 'wait=10'],
      ['Prefer', 'respond-async; foo'],
      ['Prefer', 'handling=strict'],
    ] as const;
    expect((await read(headers)).isAsync).toBe(true);
  });

  it.each([
    [''],
    ['"respond-async"'],
    ['foo="x, respond-async, y"'],
    ['foo="a \\", respond-async, \\" b"'],
    ['foo="never closed, respond-async'],
    ['handling=respond-async'],
    ['handling=lenient; respond-async'],
    ['respond-async=no'],
    ['respond-asynchronously'],
    ['not respond-async'],
  ])('%s says nothing of it', async (prefer) => {
    expect((await read([['Prefer', prefer]])).isAsync).toBe(false);
  });
});
