import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import type { OpenFile } from './folder.ts';

const CHUNK = 128 * 1024;

/**
 * The file's bytes from `start`, exactly `length` of them, or a failure: a file that became shorter is an error and
 * never a short success. Owns the handle and reads only when asked to.
 */
export function streamFile({ handle }: OpenFile, start: number, length: number): ReadableStream<Uint8Array> {
  let position = start;
  const end = start + length;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          if (position < end) {
            const buffer = new Uint8Array(Math.min(CHUNK, end - position));
            const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
            if (bytesRead === 0) throw new Error(`the file ended ${end - position} bytes too early`);
            position += bytesRead;
            controller.enqueue(bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead));
          }
          if (position < end) return;
          await handle.close();
          controller.close();
        } catch (error) {
          await handle.close().catch(() => {});
          controller.error(error);
        }
      },
      async cancel() {
        await handle.close().catch(() => {});
      },
    },
    { highWaterMark: 0 },
  );
}

/** SHA-256 of the whole file as lower-case hex; `changed` when it wasn't the same file all the while. Leaves the handle open. */
export async function hashFile(
  { handle, stats }: OpenFile,
  signal?: AbortSignal,
): Promise<string | 'changed'> {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(Math.min(CHUNK, stats.size));
  let position = 0;
  while (position < stats.size) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(
      buffer,
      0,
      Math.min(buffer.length, stats.size - position),
      position,
    );
    if (bytesRead === 0) return 'changed';
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
  return isSame(stats, await handle.stat()) ? hash.digest('hex') : 'changed';
}

function isSame(before: Stats, after: Stats): boolean {
  return before.size === after.size && before.mtimeMs === after.mtimeMs && before.ctimeMs === after.ctimeMs;
}
