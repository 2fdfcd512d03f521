import { type CollectedOutput, headLength, omissionLine } from '../output-collector.ts';
import type { StreamName, Workspace } from '../workspace.ts';
import { createEventLog } from './event-log.ts';
import { createOutputRecorder } from './output-recorder.ts';
import { repairIndex, type ToldStream } from './repair-index.ts';

/** A stream whose index a killed process left unfinished. */
interface ResumedStream {
  /** Up to where in its file the index tells it. */
  readonly told: number;
  /** What is to be told of it still. */
  readonly rest: CollectedOutput;
  /** What there is of it. */
  readonly output: CollectedOutput;
}

const WHOLE: CollectedOutput = { truncated: false, omittedBytes: 0 };
const NEWLINE = 10;

/**
 * Tells the output of an interrupted job, as far as its index doesn't tell it yet, and makes the index tell nothing that the
 * files don't hold. Resolves with what there is of each stream, as the index tells it. Interrupted itself, it may be called again.
 *
 * @param sizes bytes of each stream's file
 */
export async function completeIndex(
  files: Pick<Workspace, 'openOutput' | 'readPart'>,
  maxBytes: number,
  sizes: Readonly<Record<StreamName, number>>,
): Promise<Readonly<Record<StreamName, CollectedOutput>>> {
  const headBytes = headLength(maxBytes);
  // Made when the process was killed before it made it.
  const file = await files.openOutput('events');
  const { count, told } = await repairIndex(file, sizes).catch(async (error) => {
    await file.close();
    throw error;
  });
  const log = createEventLog(file, count);
  try {
    const resume = async (stream: StreamName): Promise<ResumedStream> =>
      (await resumeTold(files, stream, headBytes, told[stream])) ??
      resumeLeft(told[stream], sizes[stream], maxBytes);
    const [stdout, stderr] = [await resume('stdout'), await resume('stderr')];
    const recorder = createOutputRecorder({
      log,
      files,
      headBytes,
      resume: {
        stdout: { told: stdout.told, seen: sizes.stdout },
        stderr: { told: stderr.told, seen: sizes.stderr },
      },
    });
    await recorder.finish({ stdout: stdout.rest, stderr: stderr.rest });
    return { stdout: stdout.output, stderr: stderr.output };
  } finally {
    await log.close();
  }
}

/** A stream of which the index tells that bytes are missing, or more than the head: `undefined` for any other. */
async function resumeTold(
  files: Pick<Workspace, 'readPart'>,
  stream: StreamName,
  headBytes: number,
  { end, mark }: ToldStream,
): Promise<ResumedStream | undefined> {
  if (mark !== undefined) {
    const { omittedBytes } = mark;
    const told = end ?? (await findTail(files, stream, headBytes, omittedBytes));
    // The killed process had put the file in order: the rest of it is the rest of the tail.
    return { told, rest: WHOLE, output: { truncated: true, omittedBytes } };
  }
  // Without a mark before it: nothing was lost.
  return end !== undefined && end > headBytes ? { told: end, rest: WHOLE, output: WHOLE } : undefined;
}

/** A stream that had filled its file was going round in it; how much it had lost, and where it was, went with the process. */
function resumeLeft({ end = 0 }: ToldStream, size: number, maxBytes: number): ResumedStream {
  if (size < maxBytes) return { told: end, rest: WHOLE, output: WHOLE };
  const start = headLength(maxBytes);
  const output = { truncated: true, omittedBytes: undefined, tail: { start, length: size - start } };
  return { told: end, rest: output, output };
}

/** Where the tail of a file in its final order begins. */
async function findTail(
  files: Pick<Workspace, 'readPart'>,
  stream: StreamName,
  headBytes: number,
  omittedBytes: number | undefined,
): Promise<number> {
  // An uncounted mark is from an earlier call of this: no line stands in the file.
  if (omittedBytes === undefined) return headBytes;
  const [first] = await files.readPart(stream, headBytes, 1);
  return headBytes + (first === NEWLINE ? 1 : 0) + omissionLine(omittedBytes).length;
}
