import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { completeIndex } from '../../../src/core/jobs/complete-index.ts';
import {
  decodeRecords,
  encodeRecords,
  type IndexRecord,
  RECORD_BYTES,
} from '../../../src/core/jobs/event-index.ts';
import type { IndexedEvent } from '../../../src/core/jobs/read-events.ts';
import { headLength, omissionLine } from '../../../src/core/output-collector.ts';
import type { StreamName } from '../../../src/core/workspace.ts';
import {
  captureWrites,
  createMemoryJob,
  type MemoryJob,
  outputOf,
  readEvents,
} from '../../support/memory-job.ts';
import type { MemoryDisk } from '../../support/memory-output.ts';

const STREAMS = ['stdout', 'stderr'] as const;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function eventsOf(job: MemoryJob): Promise<IndexedEvent[]> {
  return readEvents(job, Math.floor(job.files.events.bytes().length / RECORD_BYTES));
}

/** No record names a byte that its file doesn't hold. */
function expectHeld({ files }: MemoryJob): void {
  for (const record of decodeRecords(files.events.bytes())) {
    if (record.kind !== 'output') continue;
    expect(record.start + record.length).toBeLessThanOrEqual(files[record.stream].bytes().length);
  }
}

/** What the next start of the service sees of a stream, and does. */
async function complete(job: MemoryJob, maxBytes: number): Promise<IndexedEvent[]> {
  const sizeOf = (stream: StreamName): number => job.files[stream].bytes().length;
  const sizes = { stdout: sizeOf('stdout'), stderr: sizeOf('stderr') };
  const outputs = await completeIndex(job, maxBytes, sizes);
  expect(job.files.events.isClosed()).toBe(true);
  expectHeld(job);
  const events = await eventsOf(job);
  for (const stream of STREAMS)
    expect([outputs[stream].truncated, outputs[stream].omittedBytes]).toEqual(markOf(events, stream));
  return events;
}

/** Whether the events say that bytes of a stream are missing, and how many. */
function markOf(events: readonly IndexedEvent[], stream: StreamName): [boolean, number | undefined] {
  const mark = events.find((event) => event.event === 'truncated' && event.data.stream === stream);
  return mark?.event === 'truncated' ? [true, mark.data.omittedBytes] : [false, 0];
}

/** The bytes of a file but for the line that counts, where the events have a mark that does. */
function keptIn(
  job: MemoryJob,
  stream: StreamName,
  events: readonly IndexedEvent[],
  maxBytes: number,
): Buffer {
  const file = Buffer.from(job.files[stream].bytes());
  const marks = events.flatMap((event) =>
    event.event === 'truncated' && event.data.stream === stream ? [event.data.omittedBytes] : [],
  );
  expect(marks.length).toBeLessThanOrEqual(1);
  const [omitted] = marks;
  if (omitted === undefined) return file;
  const head = headLength(maxBytes);
  const line = omissionLine(omitted).length + (file[head] === 10 ? 1 : 0);
  return Buffer.concat([file.subarray(0, head), file.subarray(head + line)]);
}

const writes = fc.array(
  fc.record({
    stream: fc.constantFrom(...STREAMS),
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.string({ unit: 'grapheme', maxLength: 20 }).map(encode),
      fc.constantFrom(encode('\n')),
    ),
  }),
  { maxLength: 30 },
);
const cap = fc.integer({ min: 1, max: 300 });
const share = fc.double({ min: 0, max: 1, noNaN: true });

describe('the events of captured output on a disk that fills up', () => {
  it('name only bytes that the files hold, and once the rest is told, all of them', async () => {
    const free = fc.oneof(fc.nat({ max: 1000 }), fc.constant(Number.POSITIVE_INFINITY));
    await fc.assert(
      fc.asyncProperty(writes, cap, free, free, fc.boolean(), async (all, maxBytes, ...fullness) => {
        const [room, indexRoom, writesParts] = fullness;
        const disk: MemoryDisk = { free: room, writesParts };
        const indexDisk: MemoryDisk = { free: indexRoom, writesParts };
        const job = createMemoryJob(disk, indexDisk);
        const finished = await captureWrites(job, all, maxBytes);
        if (Math.min(room, indexRoom) === Number.POSITIVE_INFINITY) expect(finished).toBe(true);
        const before = await eventsOf(job);
        expectHeld(job);
        for (const stream of STREAMS) {
          const told = outputOf(before, stream);
          const kept = keptIn(job, stream, before, maxBytes);
          expect(kept.subarray(0, told.length)).toEqual(told);
          if (finished) expect(told).toEqual(kept);
        }
        disk.free = Number.POSITIVE_INFINITY;
        indexDisk.free = Number.POSITIVE_INFINITY;
        const after = await complete(job, maxBytes);
        expect(after.slice(0, before.length)).toEqual(before);
        expect(after.map(({ id }) => id)).toEqual(after.map((_, index) => index + 1));
        for (const stream of STREAMS)
          expect(outputOf(after, stream)).toEqual(keptIn(job, stream, after, maxBytes));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('an interrupted job’s index, completed', () => {
  it('tells each byte of the files once, wherever the process was killed and whatever a power cut cost', async () => {
    await fc.assert(
      fc.asyncProperty(writes, cap, fc.tuple(share, share, share, share), async (all, maxBytes, shares) => {
        const [kept, left, leftToo, again] = shares;
        const job = createMemoryJob();
        const { stdout, stderr, events } = job.files;
        await captureWrites(job, all, maxBytes);
        const whole = await eventsOf(job);
        events.cut(Math.round(events.bytes().length * kept));
        const count = Math.floor(events.bytes().length / RECORD_BYTES);
        stdout.cut(Math.round(stdout.bytes().length * left));
        stderr.cut(Math.round(stderr.bytes().length * leftToo));

        const completed = await complete(job, maxBytes);
        expect(completed.map(({ id }) => id)).toEqual(completed.map((_, index) => index + 1));
        for (const stream of STREAMS)
          expect(outputOf(completed, stream)).toEqual(keptIn(job, stream, completed, maxBytes));
        for (const [index, event] of whole.slice(0, count).entries()) {
          expect(completed[index]?.event).toBe(event.event);
          if (left === 1 && leftToo === 1) expect(completed[index]).toEqual(event);
        }
        // Killed again, and done at the third time.
        events.cut(Math.round(events.bytes().length * again));
        const repeated = await complete(job, maxBytes);
        for (const stream of STREAMS)
          expect(outputOf(repeated, stream)).toEqual(keptIn(job, stream, repeated, maxBytes));
        expect(await complete(job, maxBytes)).toEqual(repeated);
      }),
      { numRuns: 1000 },
    );
  });

  it('loses no id to bytes that an earlier version told and never wrote', async () => {
    const job = createMemoryJob();
    await job.files.stdout.write(encode('abc'), 0);
    const records: IndexRecord[] = [
      { kind: 'output', stream: 'stdout', start: 0, length: 2 },
      { kind: 'output', stream: 'stdout', start: 2, length: 4 },
      { kind: 'output', stream: 'stdout', start: 6, length: 5 },
      { kind: 'started', at: 1 },
    ];
    await job.files.events.write(encodeRecords(records), 0);
    expect(await complete(job, 100)).toEqual([
      { id: 1, event: 'stdout', data: { text: 'ab' } },
      { id: 2, event: 'stdout', data: { text: 'c' } },
      { id: 3, event: 'stdout', data: { text: '' } },
      { id: 4, event: 'started', data: { id: 'job' } },
    ]);
  });

  it('is whole again when a power cut left zeros in it', async () => {
    const job = createMemoryJob();
    await job.files.stdout.write(encode('abcdef'), 0);
    const told = encodeRecords([{ kind: 'output', stream: 'stdout', start: 0, length: 2 }]);
    await job.files.events.write(told, 0);
    await job.files.events.write(new Uint8Array(2 * RECORD_BYTES), RECORD_BYTES);
    const completed = await complete(job, 100);
    expect(completed.map(({ data }) => data)).toEqual([
      { text: 'ab' },
      { text: '' },
      { text: '' },
      { text: 'cdef' },
    ]);
    expect(await complete(job, 100)).toEqual(completed);
  });

  it('isn’t marked and told a second time when the process was killed after it told the tail', async () => {
    const job = createMemoryJob();
    await captureWrites(job, [{ stream: 'stdout', bytes: encode('0123456789') }], 8);
    const before = await eventsOf(job);
    expect(before.map(({ data }) => data)).toEqual([
      { text: '012345' },
      { stream: 'stdout', omittedBytes: 2 },
      { text: '89' },
    ]);
    expect(await complete(job, 8)).toEqual(before);
  });

  it('leaves no file open when the index is no index', async () => {
    const job = createMemoryJob();
    await job.files.events.write(new Uint8Array(RECORD_BYTES).fill(7), 0);
    await expect(complete(job, 8)).rejects.toThrow('record of kind');
    expect(job.files.events.isClosed()).toBe(true);
  });
});
