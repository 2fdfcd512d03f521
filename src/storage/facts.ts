import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Small JSON files in a folder, made when something is first kept, that outlive the process. What can't be read counts as not kept. */
export interface Facts {
  read(name: string): Promise<unknown>;
  /** All or nothing: a reader sees the old value or the new. */
  write(name: string, value: unknown): Promise<void>;
  /** Resolves also when there is none. */
  remove(name: string): Promise<void>;
  names(): Promise<readonly string[]>;
}

const UNFINISHED = '.new';

/** Beside the sessions; no session's name begins with a dot. */
const OWN_FOLDER = '.supervisor';

/** What was learnt or made once. */
export function createFacts(root: string): Facts {
  return keepIn(join(root, OWN_FOLDER));
}

/** Which job each idempotency key stands for. */
export function createClaims(root: string): Facts {
  return keepIn(join(root, OWN_FOLDER, 'idempotency'));
}

function keepIn(folder: string): Facts {
  return {
    async read(name) {
      try {
        return JSON.parse(await readFile(join(folder, name), 'utf8')) as unknown;
      } catch {
        return undefined;
      }
    },
    async write(name, value) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const temporary = join(folder, `${name}${UNFINISHED}`);
      await writeFile(temporary, JSON.stringify(value), { mode: 0o600 });
      await rename(temporary, join(folder, name));
    },
    async remove(name) {
      await rm(join(folder, name), { force: true });
    },
    async names() {
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
      const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
      return files.filter((name) => !name.endsWith(UNFINISHED));
    },
  };
}
