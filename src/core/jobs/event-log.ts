import type { OutputFile } from '../workspace.ts';
import { encodeRecords, type IndexRecord, RECORD_BYTES } from './event-index.ts';

/** The index of one job's events while it's being written, and the bell for those who read along. */
export interface EventLog {
  /** Records that can be read from the file now. */
  readonly count: number;
  /** Whether `count` is final. */
  readonly closed: boolean;
  /** Writes records behind the others, in the background, until `close` is called. What can't be written is told by that. */
  append(records: readonly IndexRecord[]): void;
  /** Resolves when there are more than `count` records, when the log is closed, or when the signal aborts. */
  grown(count: number, signal: AbortSignal): Promise<void>;
  /** Waits for what is under way and closes the file. Rejects with the first failure. A second call does nothing. */
  close(): Promise<void>;
}

/** @param held records that the file holds already */
export function createEventLog(file: OutputFile, held = 0): EventLog {
  const listeners = new Set<() => void>();
  let count = held;
  let closed = false;
  let failure: unknown;
  let last: Promise<void> = Promise.resolve();
  let closing: Promise<void> | undefined;

  const ring = (): void => {
    for (const listener of [...listeners]) listener();
  };

  const write = async (records: readonly IndexRecord[]): Promise<void> => {
    // A gap would give every later event another's id.
    if (failure !== undefined) return;
    try {
      await file.write(encodeRecords(records), count * RECORD_BYTES);
      count += records.length;
    } catch (error) {
      failure = error;
    }
    ring();
  };

  const finish = async (): Promise<void> => {
    await last;
    closed = true;
    ring();
    await file.close();
    if (failure !== undefined) throw failure;
  };

  return {
    get count() {
      return count;
    },
    get closed() {
      return closed;
    },
    append(records) {
      // Of a program that is given up, output may still come: `count` is final.
      if (records.length > 0 && closing === undefined) last = last.then(() => write(records));
    },
    grown(seen, signal) {
      return new Promise((resolve) => {
        const look = (): void => {
          if (count <= seen && !closed && !signal.aborted) return;
          listeners.delete(look);
          signal.removeEventListener('abort', look);
          resolve();
        };
        listeners.add(look);
        signal.addEventListener('abort', look);
        look();
      });
    },
    close() {
      closing ??= finish();
      return closing;
    },
  };
}
