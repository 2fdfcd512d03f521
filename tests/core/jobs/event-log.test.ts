import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { RECORD_BYTES } from '../../../src/core/jobs/event-index.ts';
import { createEventLog } from '../../../src/core/jobs/event-log.ts';
import { createMemoryOutput } from '../../support/memory-output.ts';

const QUEUED = { kind: 'queued', position: 0 } as const;
const never = (): AbortSignal => new AbortController().signal;

describe('the event log', () => {
  it('counts a record once it can be read, and wakes who waits for it', async () => {
    const file = createMemoryOutput();
    const log = createEventLog(file);
    const grown = log.grown(0, never());
    log.append([QUEUED, QUEUED]);
    expect(log.count).toBe(0);
    await grown;
    expect(log.count).toBe(2);
    expect(file.bytes()).toHaveLength(2 * RECORD_BYTES);
    await log.close();
  });

  it('wakes who waits when it is closed, and when they go', async () => {
    const log = createEventLog(createMemoryOutput());
    const reader = new AbortController();
    const waiting = [log.grown(0, never()), log.grown(0, reader.signal)];
    reader.abort();
    await waiting[1];
    const closing = log.close();
    await waiting[0];
    await closing;
    expect(log.closed).toBe(true);
    await log.grown(5, never());
    await log.close();
  });

  it('keeps nothing of a reader that was woken or has gone', async () => {
    const log = createEventLog(createMemoryOutput());
    const readers = [new AbortController(), new AbortController(), new AbortController()] as const;
    const waiting = readers.map(({ signal }) => log.grown(0, signal));
    readers[0].abort();
    log.append([QUEUED]);
    await Promise.all(waiting);
    readers[2].abort();
    await log.grown(1, readers[2].signal);
    expect(readers.map(({ signal }) => getEventListeners(signal, 'abort').length)).toEqual([0, 0, 0]);
    await log.close();
  });

  it('takes nothing once it is being closed, however long that takes', async () => {
    const file = createMemoryOutput();
    const slow = {
      ...file,
      async close() {
        await new Promise((resolve) => setTimeout(resolve, 5));
        await file.close();
      },
    };
    const log = createEventLog(slow);
    log.append([QUEUED]);
    const closing = log.close();
    log.append([QUEUED]);
    await closing;
    expect(log.count).toBe(1);
    expect(file.bytes()).toHaveLength(RECORD_BYTES);
  });

  it('goes on behind the records that the file holds', async () => {
    const file = createMemoryOutput();
    await file.write(new Uint8Array(3 * RECORD_BYTES + 5), 0);
    const log = createEventLog(file, 3);
    log.append([QUEUED]);
    await log.close();
    expect(log.count).toBe(4);
    expect(file.bytes()).toHaveLength(4 * RECORD_BYTES);
  });

  it('tells at its close that a record could not be written, and leaves no gap before a later one', async () => {
    const file = createMemoryOutput();
    const log = createEventLog(file);
    log.append([QUEUED]);
    await log.grown(0, never());
    file.failWith(new Error('disk full'));
    log.append([QUEUED]);
    log.append([QUEUED]);
    await expect(log.close()).rejects.toThrow('disk full');
    expect(log.count).toBe(1);
    expect(log.closed).toBe(true);
    expect(file.isClosed()).toBe(true);
  });
});
