import { StoreError } from '../core/artifact-store.ts';

const MAX_KEY_BYTES = 1024;
/** The longest name that Linux and macOS file systems take; checked by every store, so that keys can move between stores. */
const MAX_PART_BYTES = 255;
/** The supervisor's own folder in the storage root: never an object's. */
export const RESERVED_PART = '.supervisor';

/** The parts of an object's key; throws `invalid_key` for anything that the contract doesn't call a key. */
export function parseKey(key: string): readonly string[] {
  const problem = findProblem(key);
  if (problem !== undefined)
    throw new StoreError('invalid_key', `${JSON.stringify(key)} is no key: ${problem}`);
  return key.split('/');
}

export function isKey(key: string): boolean {
  return findProblem(key) === undefined;
}

function findProblem(key: string): string | undefined {
  if (key === '') return 'it is empty';
  if (!key.isWellFormed()) return 'it holds half of a surrogate pair';
  if (key.includes('\0')) return 'it holds a NUL';
  if (utf8Length(key) > MAX_KEY_BYTES) return `it has more than ${MAX_KEY_BYTES} bytes`;
  const parts = key.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..')) return 'a part is empty, . or ..';
  if (parts.some((part) => utf8Length(part) > MAX_PART_BYTES))
    return `a part has more than ${MAX_PART_BYTES} bytes`;
  if (parts[0] === RESERVED_PART) return 'its first part is reserved';
  return undefined;
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
