import { open } from 'node:fs/promises';
import type { OutputFile } from '../../core/workspace.ts';
import { writeFully } from '../disk/scratch.ts';
import { translated } from './workspace-error.ts';

/** Makes the file of a captured stream. */
export async function openOutputFile(path: string): Promise<OutputFile> {
  const handle = await translated(open(path, 'wx+', 0o600));
  return {
    async write(bytes, position) {
      await translated(writeFully(handle, bytes, position));
    },
    async read(position, length) {
      return translated(readFully(position, new Uint8Array(length)));
    },
    async close() {
      await translated(handle.close());
    },
  };

  async function readFully(position: number, buffer: Uint8Array): Promise<Uint8Array> {
    let done = 0;
    while (done < buffer.length) {
      const { bytesRead } = await handle.read(buffer, done, buffer.length - done, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return buffer.subarray(0, done);
  }
}
