import { describe, expect, it } from 'vitest';
import { encodeRecords, type IndexRecord } from '../../../src/core/jobs/event-index.ts';
import { createEventReader, type EventFiles } from '../../../src/core/jobs/read-events.ts';
import type { OutputName, StreamName } from '../../../src/core/workspace.ts';
import { createMemoryJob, outputOf, readEvents } from '../../support/memory-job.ts';

interface Read {
  readonly name: OutputName;
  /** Where it ended. */
  readonly end: number;
}

/** A job with `count` events of `length` bytes each, taken from the streams in turn, and what is read of its files. */
async function makeJob(count: number, length: number, streams: readonly StreamName[]) {
  const job = createMemoryJob();
  const told = { stdout: 0, stderr: 0 };
  const records = Array.from({ length: count }, (_, index): IndexRecord => {
    const stream = streams[index % streams.length] ?? 'stdout';
    const start = told[stream];
    told[stream] += length;
    return { kind: 'output', stream, start, length };
  });
  await job.files.events.write(encodeRecords(records), 0);
  // What lies behind the told bytes is the ring's.
  for (const stream of streams) {
    await job.files[stream].write(new Uint8Array(told[stream]).fill(65), 0);
    await job.files[stream].write(new Uint8Array(100_000).fill(66), told[stream]);
  }
  const reads: Read[] = [];
  const files: EventFiles = {
    readPart(name, position, size) {
      reads.push({ name, end: position + size });
      return job.readPart(name, position, size);
    },
  };
  return { files, told, reads };
}

describe('the event reader', () => {
  it.each([
    ['one stream', ['stdout']],
    ['two streams in turn', ['stdout', 'stderr']],
  ] as const)(
    'reads tiny events of %s in few reads, and no byte that the index has not told',
    async (_, streams) => {
      const { files, told, reads } = await makeJob(50_000, 3, streams);
      const events = await readEvents(files, 50_000);
      for (const stream of streams)
        expect(outputOf(events, stream).equals(Buffer.alloc(told[stream], 65))).toBe(true);
      // Once for each thousand events, of the index and of each stream.
      expect(reads.length).toBeLessThanOrEqual(Math.ceil(50_000 / 1024) * (1 + streams.length));
      for (const { name, end } of reads) if (name !== 'events') expect(end).toBeLessThanOrEqual(told[name]);
    },
  );

  it('reads large events once each', async () => {
    const { files, reads } = await makeJob(20, 60_000, ['stdout']);
    await readEvents(files, 20);
    expect(reads).toHaveLength(1 + 20);
  });

  it('reads no further than its reader asks', async () => {
    const { files, reads } = await makeJob(50_000, 3, ['stdout']);
    const events = createEventReader('job', files).read(0, 50_000);
    await events.next();
    expect(reads).toHaveLength(2);
    expect(Math.max(...reads.map(({ end }) => end))).toBeLessThanOrEqual(64 * 1024);
    await events.return(undefined);
  });
});
