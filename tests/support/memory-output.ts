import type { OutputFile } from '../../src/core/workspace.ts';

export interface MemoryOutput extends OutputFile {
  /** What a reader of the finished file would see. */
  bytes(): Uint8Array;
  isClosed(): boolean;
  /** From now on every write fails with this error. */
  failWith(error: Error): void;
}

/** A random-access file in memory that refuses what a real one would hide: gaps, and use after close. */
export function createMemoryOutput(): MemoryOutput {
  let content = new Uint8Array(1024);
  let size = 0;
  let closed = false;
  let failure: Error | undefined;
  const check = (): void => {
    if (closed) throw new Error('used after close');
    if (failure !== undefined) throw failure;
  };
  return {
    async write(bytes, position) {
      check();
      if (position > size) throw new Error(`a gap: ${position} is past the end at ${size}`);
      const end = position + bytes.length;
      if (end > content.length) {
        const larger = new Uint8Array(Math.max(end, content.length * 2));
        larger.set(content);
        content = larger;
      }
      content.set(bytes, position);
      size = Math.max(size, end);
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
  };
}
