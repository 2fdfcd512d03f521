import { toBase64 } from '../base64.ts';
import type { StreamName, Workspace } from '../workspace.ts';
import { decodeRecords, type IndexRecord, RECORD_BYTES } from './event-index.ts';

/** The files that events are a view of. */
export type EventFiles = Pick<Workspace, 'readPart'>;

/** Bytes of output: as text when they are UTF-8, else as base64. */
export type OutputData = { readonly text: string } | { readonly base64: string };

/** One event of a job, as far as the index tells it. Ids count from 1. */
export type IndexedEvent = { readonly id: number } & (
  | { readonly event: 'queued'; readonly data: { readonly id: string; readonly position: number } }
  | { readonly event: 'started'; readonly data: { readonly id: string } }
  | { readonly event: StreamName; readonly data: OutputData }
  | {
      readonly event: 'truncated';
      readonly data: { readonly stream: StreamName; readonly omittedBytes?: number };
    }
);

export interface EventReader {
  /** Events after the one with id `after`, up to that with id `until`, both of which the index must have. */
  read(after: number, until: number): AsyncGenerator<IndexedEvent>;
}

type OutputPiece = Extract<IndexRecord, { kind: 'output' }>;
/** The records behind one, as far as they are read. */
type Rest = readonly IndexRecord[];

/** Index records read at once. */
const BLOCK_RECORDS = 1024;
/** Output read at once: many events are a few bytes each. */
const WINDOW_BYTES = 64 * 1024;

/** Reads a job's events in order, with no more of its output in memory than one window of each stream. */
export function createEventReader(jobId: string, files: EventFiles): EventReader {
  const streams = { stdout: createWindow(files, 'stdout'), stderr: createWindow(files, 'stderr') };

  const toEvent = async (id: number, record: IndexRecord, rest: () => Rest): Promise<IndexedEvent> => {
    switch (record.kind) {
      case 'queued':
        return { id, event: 'queued', data: { id: jobId, position: record.position } };
      case 'started':
        return { id, event: 'started', data: { id: jobId } };
      case 'output': {
        const bytes = await streams[record.stream](record, rest);
        return { id, event: record.stream, data: toOutputData(bytes) };
      }
      case 'truncated': {
        const { stream, omittedBytes } = record;
        return {
          id,
          event: 'truncated',
          data: omittedBytes === undefined ? { stream } : { stream, omittedBytes },
        };
      }
    }
  };

  return {
    async *read(after, until) {
      for (let at = after; at < until; ) {
        const length = Math.min(BLOCK_RECORDS, until - at) * RECORD_BYTES;
        const records = decodeRecords(await files.readPart('events', at * RECORD_BYTES, length));
        if (records.length === 0) throw new Error(`the event index of job ${jobId} ends at ${at}`);
        for (const [index, record] of records.entries()) {
          at += 1;
          yield await toEvent(at, record, () => records.slice(index + 1));
        }
      }
    },
  };
}

/**
 * A stream's file read forward: small parts come out of one larger read. No byte is kept that the index hasn't told: beyond
 * the head, a file that is still written goes round, and what lies there now isn't what the index will tell.
 */
function createWindow(
  files: EventFiles,
  name: StreamName,
): (piece: OutputPiece, rest: () => Rest) => Promise<Uint8Array> {
  let position = 0;
  let bytes = new Uint8Array(0);
  return async (piece, rest) => {
    const { start, length } = piece;
    if (start < position || start + length > position + bytes.length) {
      position = start;
      bytes = new Uint8Array(await files.readPart(name, start, toldLength(piece, rest())));
    }
    return bytes.subarray(start - position, start - position + length);
  };
}

/** Bytes of a piece and of those behind it that go on where it ends, up to a window. */
function toldLength({ stream, start, length }: OutputPiece, rest: Rest): number {
  let told = length;
  for (const record of rest) {
    if (told >= WINDOW_BYTES) break;
    if (record.kind !== 'output' || record.stream !== stream) continue;
    if (record.start !== start + told) break;
    told += record.length;
  }
  return Math.max(length, Math.min(told, WINDOW_BYTES));
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function toOutputData(bytes: Uint8Array): OutputData {
  try {
    return { text: utf8.decode(bytes) };
  } catch {
    return { base64: toBase64(bytes) };
  }
}
