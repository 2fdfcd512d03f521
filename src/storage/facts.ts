import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Small JSON files in `{root}/.supervisor/` that outlive the process. What can't be read counts as not kept. */
export function createFacts(root: string): {
  read(name: string): Promise<unknown>;
  write(name: string, value: unknown): Promise<void>;
} {
  const folder = join(root, '.supervisor');
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
      const temporary = join(folder, `${name}.new`);
      await writeFile(temporary, JSON.stringify(value), { mode: 0o600 });
      await rename(temporary, join(folder, name));
    },
  };
}
