import type { OutputFile, StreamName } from '../workspace.ts';
import { decodeRecords, encodeRecords, type IndexRecord, RECORD_BYTES } from './event-index.ts';

/** What an index tells of a stream. */
export interface ToldStream {
  /** Where in the stream's file its last piece ends; `undefined` when none stands there, or none behind the mark. */
  readonly end: number | undefined;
  /** That bytes are missing. */
  readonly mark: Extract<IndexRecord, { kind: 'truncated' }> | undefined;
}

export interface RepairedIndex {
  /** Whole records. */
  readonly count: number;
  readonly told: Readonly<Record<StreamName, ToldStream>>;
}

/** Index records read at once. */
const BLOCK_BYTES = 4096 * RECORD_BYTES;

/**
 * Reads an index to its end, and takes from its records the bytes that the files don't hold: an end of the power may cost
 * a file its last bytes. Such a record gets shorter in its place, down to nothing, because every event behind it keeps its id.
 *
 * @param sizes bytes of each stream's file
 */
export async function repairIndex(
  file: OutputFile,
  sizes: Readonly<Record<StreamName, number>>,
): Promise<RepairedIndex> {
  const told: Record<StreamName, ToldStream> = { stdout: NOTHING, stderr: NOTHING };
  let count = 0;
  for (;;) {
    const position = count * RECORD_BYTES;
    const bytes = await file.read(position, BLOCK_BYTES);
    const found = decodeRecords(bytes);
    const held = found.map((record) => toHeld(record, sizes));
    if (held.some((record, index) => record !== found[index]))
      await file.write(encodeRecords(held), position);
    for (const record of held) note(told, record);
    count += held.length;
    if (bytes.length < BLOCK_BYTES) return { count, told };
  }
}

const NOTHING: ToldStream = { end: undefined, mark: undefined };

/** The same record when its bytes are in the file. */
function toHeld(record: IndexRecord, sizes: Readonly<Record<StreamName, number>>): IndexRecord {
  if (record.kind !== 'output') return record;
  const size = sizes[record.stream];
  const end = record.start + record.length;
  if (end <= size) return record;
  const start = Math.min(record.start, size);
  return { ...record, start, length: size - start };
}

function note(told: Record<StreamName, ToldStream>, record: IndexRecord): void {
  if (record.kind === 'truncated') told[record.stream] = { end: undefined, mark: record };
  if (record.kind === 'output' && record.length > 0)
    told[record.stream] = { ...told[record.stream], end: record.start + record.length };
}
