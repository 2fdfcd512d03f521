import type { ByteSink } from './container-runtime.ts';
import type { OutputFile, StreamName, Workspace } from './workspace.ts';

const COPY_CHUNK = 256 * 1024;
const NEWLINE = 10;

/**
 * Keeps a stream within a number of bytes without ever holding up or ending the program: the head is written as it
 * comes, what follows goes round in the rest of the same file, and at the end the newest bytes are put in order behind
 * one line that counts what is missing. Until then it takes no memory beyond the chunk at hand, and for that moment as much as
 * the newest bytes are. When the file can't be written, the stream is still taken to its end, and `finish` rejects with the
 * first failure.
 */
export interface OutputCollector extends ByteSink {
  /** Waits for a write under way, puts the file in its final order and closes it. Once; what comes later is dropped. */
  finish(): Promise<CollectedOutput>;
}

export interface CollectedOutput {
  readonly truncated: boolean;
  /** Bytes of the stream that aren't in the file; `undefined` when that isn't known. */
  readonly omittedBytes: number | undefined;
  /** Where in the file the stream's last bytes lie, when bytes before them are missing. */
  readonly tail?: { readonly start: number; readonly length: number };
}

/** Bytes of a stream that stay where they were written first, of `maxBytes` that are kept. */
export function headLength(maxBytes: number): number {
  return maxBytes - Math.floor(maxBytes / 4);
}

/**
 * @param maxBytes bytes of the stream that are kept: the first three quarters and the last quarter
 * @param onWritten hears of each part of a chunk once all of that part lies in the file, and of nothing after a failure
 */
export function createOutputCollector(
  file: OutputFile,
  maxBytes: number,
  onWritten: (part: Uint8Array) => void = () => {},
): OutputCollector {
  const headSize = headLength(maxBytes);
  const tailSize = maxBytes - headSize;
  let total = 0;
  let failure: unknown;
  let finished = false;
  let underWay: Promise<void> = Promise.resolve();

  /** Where in the file the stream's byte number `offset` goes, and how many bytes fit there before the place wraps. */
  const place = (offset: number): { position: number; room: number } => {
    if (offset < headSize) return { position: offset, room: headSize - offset };
    if (tailSize === 0) return { position: headSize, room: 0 };
    const round = (offset - headSize) % tailSize;
    return { position: headSize + round, room: tailSize - round };
  };

  /** Bytes that the rest of a chunk would itself write over: whole rounds, so that the ring goes on where it is and has no hole. */
  const overwritten = (rest: number): number =>
    total < headSize || tailSize === 0 ? 0 : Math.max(0, Math.floor(rest / tailSize) - 1) * tailSize;

  const keep = async (chunk: Uint8Array): Promise<void> => {
    for (let from = 0; from < chunk.length; ) {
      const skipped = overwritten(chunk.length - from);
      total += skipped;
      from += skipped;
      const { position, room } = place(total);
      if (room === 0) {
        total += chunk.length - from;
        return;
      }
      const part = chunk.subarray(from, from + room);
      await file.write(part, position);
      onWritten(part);
      total += part.length;
      from += part.length;
    }
  };

  const take = async (chunk: Uint8Array): Promise<void> => {
    try {
      await keep(chunk);
    } catch (error) {
      failure = error;
    }
  };

  const write = async (chunk: Uint8Array): Promise<void> => {
    if (failure !== undefined || finished) return;
    underWay = take(chunk);
    await underWay;
  };

  const finish = async (): Promise<CollectedOutput> => {
    finished = true;
    try {
      // A run whose output was given up may still be writing: the ring must stand still before it's read.
      await underWay;
      if (failure !== undefined) throw failure;
      const omittedBytes = Math.max(0, total - maxBytes);
      if (omittedBytes === 0) return { truncated: false, omittedBytes };
      const start = await straighten(file, headSize, tailSize, total, omittedBytes);
      return { truncated: true, omittedBytes, tail: { start, length: tailSize } };
    } finally {
      await file.close();
    }
  };

  return { write, finish };
}

/** The line that stands between head and tail of a stream that was longer than its limit. */
export function omissionLine(omittedBytes: number): string {
  return `[... ${omittedBytes} bytes omitted ...]\n`;
}

/** Puts the ring in order behind the line that counts; resolves with the position of the tail. */
async function straighten(
  file: OutputFile,
  headSize: number,
  tailSize: number,
  total: number,
  omittedBytes: number,
): Promise<number> {
  const last = new Uint8Array(1).fill(NEWLINE);
  if (headSize > 0) await readInto(last, file, headSize - 1);
  const line = new TextEncoder().encode((last[0] === NEWLINE ? '' : '\n') + omissionLine(omittedBytes));
  const end = new Uint8Array(line.length + tailSize);
  end.set(line);
  const tail = end.subarray(line.length);
  const oldest = tailSize === 0 ? 0 : (total - headSize) % tailSize;
  await readInto(tail.subarray(0, tailSize - oldest), file, headSize + oldest);
  await readInto(tail.subarray(tailSize - oldest), file, headSize);
  // Line and tail together: a process that is killed between them would leave the line on bytes of the ring.
  await file.write(end, headSize);
  return headSize + line.length;
}

/** Fills `target` from the file. */
async function readInto(target: Uint8Array, file: OutputFile, position: number): Promise<void> {
  for (let at = 0; at < target.length; ) {
    const part = await file.read(position + at, Math.min(COPY_CHUNK, target.length - at));
    if (part.length === 0) throw new Error('an output file is shorter than what was written to it');
    target.set(part, at);
    at += part.length;
  }
}

/** The two streams of one run, being captured. */
export interface CapturedStreams {
  readonly stdout: ByteSink;
  readonly stderr: ByteSink;
  /** Brings both files into their final form. Once. */
  finish(): Promise<Readonly<Record<StreamName, CollectedOutput>>>;
}

/** @param onWritten hears of each part of a chunk once it lies in its file */
export async function openStreams(
  workspace: Pick<Workspace, 'openOutput'>,
  maxBytes: number,
  onWritten: (stream: StreamName, part: Uint8Array) => void,
): Promise<CapturedStreams> {
  const open = async (name: StreamName): Promise<OutputCollector> =>
    createOutputCollector(await workspace.openOutput(name), maxBytes, (part) => onWritten(name, part));
  const stdout = await open('stdout');
  const stderr = await open('stderr').catch(async (error) => {
    await stdout.finish();
    throw error;
  });
  return {
    stdout,
    stderr,
    async finish() {
      const both = [stdout.finish(), stderr.finish()] as const;
      // When one fails, the other is still being put in order: nobody may take the folder before it's closed.
      await Promise.allSettled(both);
      const [out, err] = await Promise.all(both);
      return { stdout: out, stderr: err };
    },
  };
}
