import { openCapture } from '../../src/core/jobs/capture.ts';
import { createEventLog } from '../../src/core/jobs/event-log.ts';
import { createEventReader, type IndexedEvent } from '../../src/core/jobs/read-events.ts';
import type { OutputName, StreamName, Workspace } from '../../src/core/workspace.ts';
import { createMemoryOutput, type MemoryDisk, type MemoryOutput } from './memory-output.ts';
import { toArray } from './to-array.ts';

/** One write of a program. */
export interface ProgramWrite {
  readonly stream: StreamName;
  readonly bytes: Uint8Array;
}

/** A job's three files of captured output, in memory. */
export interface MemoryJob extends Pick<Workspace, 'openOutput' | 'readPart'> {
  readonly files: Readonly<Record<OutputName, MemoryOutput>>;
}

/** @param indexDisk where the index lies, when it isn't with the streams */
export function createMemoryJob(disk?: MemoryDisk, indexDisk = disk): MemoryJob {
  const files = {
    stdout: createMemoryOutput(disk),
    stderr: createMemoryOutput(disk),
    events: createMemoryOutput(indexDisk),
  };
  return {
    files,
    async openOutput(name) {
      files[name].reopen();
      return files[name];
    },
    readPart: async (name, position, length) => files[name].bytes().slice(position, position + length),
  };
}

/** Captures writes as a run does; false when the disk was too small. */
export async function captureWrites(
  job: MemoryJob,
  writes: readonly ProgramWrite[],
  maxBytes: number,
): Promise<boolean> {
  const log = createEventLog(await job.openOutput('events'));
  const streams = await openCapture(job, log, maxBytes);
  for (const { stream, bytes } of writes) await streams[stream].write(bytes);
  try {
    await streams.finish();
    await log.close();
    return true;
  } catch {
    await log.close().catch(() => {});
    return false;
  }
}

export function readEvents(
  files: Pick<Workspace, 'readPart'>,
  count: number,
  after = 0,
): Promise<IndexedEvent[]> {
  return toArray(createEventReader('job', files).read(after, count));
}

/** The bytes of a stream that events carry, in their order. */
export function outputOf(events: readonly IndexedEvent[], stream: StreamName): Buffer {
  return Buffer.concat(
    events.flatMap((event) => {
      if (event.event !== stream || !('data' in event)) return [];
      const { data } = event;
      if ('text' in data) return [Buffer.from(data.text)];
      return 'base64' in data ? [Buffer.from(data.base64, 'base64')] : [];
    }),
  );
}
