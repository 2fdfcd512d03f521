import type { OutputFile } from '../../src/core/workspace.ts';

/** The room that files in memory share. */
export interface MemoryDisk {
  /** Bytes by which they may still grow. */
  free: number;
  /** Whether a write that doesn't fit leaves what does, as a file system does that is nearly full. */
  readonly writesParts: boolean;
}

export interface MemoryOutput extends OutputFile {
  /** What a reader of the finished file would see. */
  bytes(): Uint8Array;
  isClosed(): boolean;
  /** From now on every write fails with this error. */
  failWith(error: Error): void;
  /** The next process opens the file. */
  reopen(): void;
  /** Loses what lies beyond so many bytes, as in a power cut. */
  cut(size: number): void;
}

/** A random-access file in memory that refuses what a real one would hide: gaps, and use after close. */
export function createMemoryOutput(
  disk: MemoryDisk = { free: Number.POSITIVE_INFINITY, writesParts: true },
): MemoryOutput {
  let content = new Uint8Array(1024);
  let size = 0;
  let closed = false;
  let failure: Error | undefined;
  const check = (): void => {
    if (closed) throw new Error('used after close');
    if (failure !== undefined) throw failure;
  };
  const put = (bytes: Uint8Array, position: number): void => {
    const end = position + bytes.length;
    if (end > content.length) {
      const larger = new Uint8Array(Math.max(end, content.length * 2));
      larger.set(content);
      content = larger;
    }
    content.set(bytes, position);
    disk.free -= Math.max(0, end - size);
    size = Math.max(size, end);
  };
  return {
    async write(bytes, position) {
      check();
      if (position > size) throw new Error(`a gap: ${position} is past the end at ${size}`);
      const room = size + disk.free - position;
      if (room >= bytes.length) return put(bytes, position);
      if (disk.writesParts) put(bytes.subarray(0, room), position);
      throw new Error('disk full');
    },
    async read(position, length) {
      check();
      if (position < 0) throw new Error('read before the beginning');
      return content.slice(position, Math.min(position + length, size));
    },
    async close() {
      closed = true;
    },
    bytes: () => content.slice(0, size),
    isClosed: () => closed,
    failWith(error) {
      failure = error;
    },
    reopen() {
      closed = false;
    },
    cut(length) {
      size = Math.min(size, length);
    },
  };
}
