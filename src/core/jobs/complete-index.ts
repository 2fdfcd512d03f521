import { type CollectedOutput, headLength } from '../output-collector.ts';
import type { OutputFile, StreamName, Workspace } from '../workspace.ts';
import { decodeRecords, type IndexRecord, RECORD_BYTES } from './event-index.ts';
import { createEventLog } from './event-log.ts';
import { createOutputRecorder } from './output-recorder.ts';

/** A stream as a killed process left it. */
export interface LeftStream {
  /** Bytes of its file. */
  readonly size: number;
  readonly output: CollectedOutput;
}

/** Index records read at once. */
const BLOCK_BYTES = 4096 * RECORD_BYTES;

/** Tells the output of an interrupted job, as far as its index doesn't tell it yet. */
export async function completeIndex(
  workspace: Workspace,
  maxBytes: number,
  { stdout, stderr }: Readonly<Record<StreamName, LeftStream>>,
): Promise<void> {
  // Made when the process was killed before it made it.
  const file = await workspace.openOutput('events');
  const records = await readIndex(file);
  const told = (stream: StreamName): number =>
    records.reduce((sum, record) => sum + lengthOf(record, stream), 0);
  const log = createEventLog(file, records.length);
  const recorder = createOutputRecorder({
    log,
    files: workspace,
    headBytes: headLength(maxBytes),
    resume: {
      stdout: { told: told('stdout'), seen: stdout.size },
      stderr: { told: told('stderr'), seen: stderr.size },
    },
  });
  await recorder.finish({ stdout: stdout.output, stderr: stderr.output });
  await log.close();
}

function lengthOf(record: IndexRecord, stream: StreamName): number {
  return record.kind === 'output' && record.stream === stream ? record.length : 0;
}

async function readIndex(file: OutputFile): Promise<readonly IndexRecord[]> {
  const records: IndexRecord[] = [];
  for (let at = 0; ; at += BLOCK_BYTES) {
    const bytes = await file.read(at, BLOCK_BYTES);
    records.push(...decodeRecords(bytes));
    if (bytes.length < BLOCK_BYTES) return records;
  }
}
