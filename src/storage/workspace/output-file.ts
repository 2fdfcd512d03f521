import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { OutputFile } from '../../core/workspace.ts';
import { writeFully } from '../disk/scratch.ts';
import { translated } from './workspace-error.ts';

const { O_CREAT, O_RDONLY, O_RDWR } = constants;

/** Opens a file of our own in a job's folder, where no program reaches, and creates it when there is none. */
export async function openOutputFile(path: string): Promise<OutputFile> {
  const handle = await translated(open(path, O_RDWR | O_CREAT, 0o600));
  return {
    async write(bytes, position) {
      await translated(writeFully(handle, bytes, position));
    },
    read: (position, length) => translated(readFully(handle, position, length)),
    async close() {
      await translated(handle.close());
    },
  };
}

/** Reads a part of such a file, whoever has it open. */
export async function readOutputPart(path: string, position: number, length: number): Promise<Uint8Array> {
  const handle = await translated(open(path, O_RDONLY));
  return translated(readFully(handle, position, length).finally(() => handle.close()));
}

async function readFully(handle: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(buffer, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}
