import { closeSync, constants, openSync, readSync } from 'node:fs';

const RECORD_BYTES = 8192;
const MAX_RECORDS = 50_000;

/**
 * Whether the kernel's log tells of an OOM kill in this cgroup, whose name is unique. False also where this user may not read
 * it, and when the kernel was short of words: it writes ten of these lines in five seconds at most.
 */
export function logTellsOomKill(cgroup: string, path = '/dev/kmsg'): boolean {
  let log: number;
  try {
    log = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  const buffer = Buffer.alloc(RECORD_BYTES);
  try {
    for (let records = 0; records < MAX_RECORDS; records += 1) {
      const length = readRecord(log, buffer);
      if (length === 0) return false;
      const text = buffer.toString('latin1', 0, length);
      if (text.includes('oom-kill:') && text.includes(cgroup)) return true;
    }
    return false;
  } finally {
    closeSync(log);
  }
}

/** Each read gives one record; 0 when there's no further one. */
function readRecord(log: number, buffer: Buffer): number {
  try {
    return readSync(log, buffer, 0, buffer.length, null);
  } catch (error) {
    // EPIPE: records were overwritten meanwhile, and the next read goes on behind them.
    return error instanceof Error && 'code' in error && error.code === 'EPIPE' ? readRecord(log, buffer) : 0;
  }
}
