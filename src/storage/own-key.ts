import { chmod, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from './disk/folder.ts';
import { writeScratch } from './disk/scratch.ts';
import { RESERVED_PART } from './object-key.ts';

/** The key that a service makes for itself when nobody gives it any. */
export interface OwnKey {
  readonly key: string;
  /** The file that holds it, for its owner alone. */
  readonly path: string;
  /** True at the one call that made it. */
  readonly isNew: boolean;
}

const FILE = 'api-key';
const PRIVATE = 0o600;
const BYTES = 24;
const KEY = /^[\x21-\x7e]{24,}$/;

/**
 * Reads the kept key, or makes one of 192 random bits. Only the holder of the storage folder may call this. Rejects with a
 * sentence for the operator when the file holds something else: a key that callers have must not change by itself.
 */
export async function keepOwnKey(root: string): Promise<OwnKey> {
  const path = join(root, RESERVED_PART, FILE);
  const kept = await readKept(path);
  if (kept !== undefined) {
    if (!KEY.test(kept)) throw new Error(`${path} holds no key: remove it, and a new one is made.`);
    await chmod(path, PRIVATE);
    return { key: kept, path, isNew: false };
  }
  const key = Buffer.from(crypto.getRandomValues(new Uint8Array(BYTES))).toString('hex');
  await rename(await writeScratch(root, new TextEncoder().encode(`${key}\n`)), path);
  return { key, path, isNew: true };
}

async function readKept(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
