import { type CollectedOutput, headLength, omissionLine } from '../output-collector.ts';
import type { StreamName, Workspace } from '../workspace.ts';
import { createEventLog } from './event-log.ts';
import { createOutputRecorder } from './output-recorder.ts';
import { repairIndex, type ToldStream } from './repair-index.ts';

/** A stream as a killed process left it. */
export interface LeftStream {
  /** Bytes of its file. */
  readonly size: number;
  readonly output: CollectedOutput;
}

/** A stream, and up to where in its file the index tells it. */
interface ResumedStream {
  readonly told: number;
  readonly output: CollectedOutput;
}

const WHOLE: CollectedOutput = { truncated: false, omittedBytes: 0 };
const NEWLINE = 10;

/**
 * Tells the output of an interrupted job, as far as its index doesn't tell it yet, and makes the index tell nothing that the
 * files don't hold. Interrupted itself, it may be called again.
 */
export async function completeIndex(
  files: Pick<Workspace, 'openOutput' | 'readPart'>,
  maxBytes: number,
  { stdout, stderr }: Readonly<Record<StreamName, LeftStream>>,
): Promise<void> {
  const headBytes = headLength(maxBytes);
  const sizes = { stdout: stdout.size, stderr: stderr.size };
  // Made when the process was killed before it made it.
  const file = await files.openOutput('events');
  const { count, told } = await repairIndex(file, sizes).catch(async (error) => {
    await file.close();
    throw error;
  });
  const log = createEventLog(file, count);
  try {
    const out = await resume(files, 'stdout', headBytes, told.stdout, stdout.output);
    const err = await resume(files, 'stderr', headBytes, told.stderr, stderr.output);
    const recorder = createOutputRecorder({
      log,
      files,
      headBytes,
      resume: {
        stdout: { told: out.told, seen: sizes.stdout },
        stderr: { told: err.told, seen: sizes.stderr },
      },
    });
    await recorder.finish({ stdout: out.output, stderr: err.output });
  } finally {
    await log.close();
  }
}

async function resume(
  files: Pick<Workspace, 'readPart'>,
  stream: StreamName,
  headBytes: number,
  { end, mark }: ToldStream,
  output: CollectedOutput,
): Promise<ResumedStream> {
  if (mark !== undefined) {
    // The killed process had put the file in order: the rest of it is the rest of the tail.
    return { told: end ?? (await findTail(files, stream, headBytes, mark.omittedBytes)), output: WHOLE };
  }
  // Beyond the head, it had told the stream without a mark: it had lost nothing.
  if (end !== undefined && end > headBytes) return { told: end, output: WHOLE };
  return { told: end ?? 0, output };
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
