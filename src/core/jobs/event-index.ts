import type { StreamName } from '../workspace.ts';

/**
 * What happened to a job, in order, without the bytes: those lie in `stdout` and `stderr`, and the index says which of them
 * came when. It's the file `events` in the job's folder, records of 16 bytes each, so the event with id n is the n-th.
 */
export type IndexRecord =
  /** The job waits. `position`: how many jobs have their turn before it does, itself included; 0 when it needn't wait. */
  | { readonly kind: 'queued'; readonly position: number }
  /** `at`: milliseconds since the epoch. */
  | { readonly kind: 'started'; readonly at: number }
  /** Bytes of a captured stream: a part of its file. */
  | {
      readonly kind: 'output';
      readonly stream: StreamName;
      readonly start: number;
      readonly length: number;
    }
  /** Bytes of the stream that aren't in its file stood here; how many is `undefined` when nobody counted. */
  | {
      readonly kind: 'truncated';
      readonly stream: StreamName;
      readonly omittedBytes: number | undefined;
    };

export const RECORD_BYTES = 16;

const KINDS = {
  queued: 1,
  started: 2,
  stdout: 3,
  stderr: 4,
  stdoutTruncated: 5,
  stderrTruncated: 6,
} as const;
/** What an end of the power may leave where a record was: it tells of no byte, and keeps its id. */
const HOLE = 0;
const UNCOUNTED = -1;

/** A record is a kind, a length (both 32 bits) and a value (a double, exact for every file position), little-endian. */
export function encodeRecords(records: readonly IndexRecord[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(records.length * RECORD_BYTES));
  records.forEach((record, index) => {
    const { kind, length, value } = toFields(record);
    view.setUint32(index * RECORD_BYTES, kind, true);
    view.setUint32(index * RECORD_BYTES + 4, length, true);
    view.setFloat64(index * RECORD_BYTES + 8, value, true);
  });
  return new Uint8Array(view.buffer);
}

/** A last record that a killed process left half written is left out. Throws on what this version didn't write. */
export function decodeRecords(bytes: Uint8Array): readonly IndexRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / RECORD_BYTES) }, (_, index) =>
    toRecord({
      kind: view.getUint32(index * RECORD_BYTES, true),
      length: view.getUint32(index * RECORD_BYTES + 4, true),
      value: view.getFloat64(index * RECORD_BYTES + 8, true),
    }),
  );
}

interface Fields {
  readonly kind: number;
  readonly length: number;
  readonly value: number;
}

function toFields(record: IndexRecord): Fields {
  switch (record.kind) {
    case 'queued':
      return { kind: KINDS.queued, length: 0, value: record.position };
    case 'started':
      return { kind: KINDS.started, length: 0, value: record.at };
    case 'output':
      return { kind: KINDS[record.stream], length: record.length, value: record.start };
    case 'truncated':
      return { kind: KINDS[`${record.stream}Truncated`], length: 0, value: record.omittedBytes ?? UNCOUNTED };
  }
}

function toRecord({ kind, length, value }: Fields): IndexRecord {
  const omittedBytes = value === UNCOUNTED ? undefined : value;
  switch (kind) {
    case KINDS.queued:
      return { kind: 'queued', position: value };
    case KINDS.started:
      return { kind: 'started', at: value };
    case KINDS.stdout:
      return { kind: 'output', stream: 'stdout', start: value, length };
    case KINDS.stderr:
      return { kind: 'output', stream: 'stderr', start: value, length };
    case KINDS.stdoutTruncated:
      return { kind: 'truncated', stream: 'stdout', omittedBytes };
    case KINDS.stderrTruncated:
      return { kind: 'truncated', stream: 'stderr', omittedBytes };
    case HOLE:
      return { kind: 'output', stream: 'stdout', start: 0, length: 0 };
    default:
      throw new Error(`an event index holds a record of kind ${kind}`);
  }
}
