import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The id that a storage folder's supervisor puts on its containers. */
export function instanceIdOf(storageRoot: string): string {
  return readFileSync(join(storageRoot, '.supervisor', 'instance'), 'utf8').trim();
}
