import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectBody } from '../../core/artifact-store.ts';
import { RESERVED_PART } from '../object-key.ts';
import { errorCode } from './folder.ts';
import { makeFolder } from './make-folder.ts';

/** Where files are written before they are renamed to their place: on the same file system, and in no listing. */
export function scratchFolder(root: string): string {
  return join(root, RESERVED_PART, 'tmp');
}

/** Writes a new file under a name of its own and resolves with its path; leaves nothing when it rejects. No fsync. */
export async function writeScratch(root: string, body: ObjectBody, signal?: AbortSignal): Promise<string> {
  const path = join(scratchFolder(root), crypto.randomUUID());
  const handle = await openNew(path, root);
  try {
    if (body instanceof Uint8Array) await writeFully(handle, body, 0);
    else await writeStream(handle, body, signal);
    signal?.throwIfAborted();
    await handle.close();
    return path;
  } catch (error) {
    await handle.close().catch(() => {});
    await unlink(path).catch(() => {});
    throw error;
  }
}

async function openNew(path: string, root: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    await makeFolder(scratchFolder(root), 0o700);
    return open(path, 'wx', 0o600);
  }
}

async function writeStream(
  handle: FileHandle,
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const reader = body.getReader();
  // Cancelling also ends a read that would wait for ever.
  const onAbort = (): void => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener('abort', onAbort);
  try {
    let position = 0;
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      if (done) return;
      await writeFully(handle, value, position);
      position += value.length;
    }
  } catch (error) {
    reader.cancel(error).catch(() => {});
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** One call of the kernel may take only a part, as it does on a disk that is nearly full. */
export async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
