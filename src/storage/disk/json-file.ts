import { readFile, rename, unlink } from 'node:fs/promises';
import { errorCode } from './folder.ts';
import { writeScratch } from './scratch.ts';

/** Replaces a JSON file as a whole. */
export async function writeJson(root: string, path: string, value: unknown): Promise<void> {
  const scratch = await writeScratch(root, new TextEncoder().encode(JSON.stringify(value)));
  try {
    await rename(scratch, path);
  } catch (error) {
    await unlink(scratch).catch(() => {});
    throw error;
  }
}

/** `undefined` when there is none, or what is there isn't JSON. */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError || errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
