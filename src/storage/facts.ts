import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from './disk/folder.ts';
import { readJson, writeJson } from './disk/json-file.ts';
import { makeFolder } from './disk/make-folder.ts';
import { RESERVED_PART } from './object-key.ts';

/** Small JSON files in a folder, made when something is first kept, that outlive the process. */
export interface Facts {
  /** `undefined` when there is none, or what is there isn't JSON. Rejects when that can't be found out. */
  read(name: string): Promise<unknown>;
  /** All or nothing: a reader sees the old value or the new. */
  write(name: string, value: unknown): Promise<void>;
  /** Resolves also when there is none. */
  remove(name: string): Promise<void>;
  names(): Promise<readonly string[]>;
}

/** What was learnt or made once. */
export function createFacts(root: string): Facts {
  return keepIn(root, join(root, RESERVED_PART));
}

/** Which job each idempotency key stands for. */
export function createClaims(root: string): Facts {
  return keepIn(root, join(root, RESERVED_PART, 'idempotency'));
}

function keepIn(root: string, folder: string): Facts {
  return {
    read: (name) => readJson(join(folder, name)),
    async write(name, value) {
      await makeFolder(folder, 0o700);
      await writeJson(root, join(folder, name), value);
    },
    async remove(name) {
      await rm(join(folder, name), { force: true });
    },
    async names() {
      const entries = await readdir(folder, { withFileTypes: true }).catch((error) => {
        if (errorCode(error) === 'ENOENT') return [];
        throw error;
      });
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    },
  };
}
