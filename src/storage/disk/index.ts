import {
  type ArtifactStore,
  type ByteRange,
  type StoredObject,
  StoreError,
} from '../../core/artifact-store.ts';
import { toSpan } from '../byte-range.ts';
import { parseKey } from '../object-key.ts';
import { type ByteName, toByteName } from './byte-name.ts';
import { deleteObject } from './delete-object.ts';
import { type OpenFile, openBeneath } from './folder.ts';
import { listObjects } from './list-objects.ts';
import { putObject } from './put-object.ts';
import { streamFile } from './read-file.ts';
import { toStoreError } from './store-error.ts';

export interface DiskStoreOptions {
  /** Absolute path; made when it's missing. */
  readonly root: string;
}

/**
 * Objects as files below `root`, an object's key being its path. What lies in a job's folder is in the store by lying
 * there, the program's own files included, so a file is never reached through a link.
 */
export function createDiskStore({ root }: DiskStoreOptions): ArtifactStore {
  return {
    name: 'disk',
    capabilities: { holdsJobFolders: true, presign: false },
    async putObject(key, body, { signal } = {}) {
      await translated(putObject(root, toParts(key), body, signal));
    },
    async getObject(key, { range } = {}) {
      const file = await translated(openBeneath(root, toParts(key)));
      return typeof file === 'string' ? undefined : toStoredObject(file, range);
    },
    async headObject(key) {
      const file = await translated(openBeneath(root, toParts(key)));
      if (typeof file === 'string') return undefined;
      await file.handle.close();
      return { size: file.stats.size };
    },
    async deleteObject(key) {
      await translated(deleteObject(root, toParts(key)));
    },
    async *listObjects(prefix) {
      try {
        yield* listObjects(root, prefix);
      } catch (error) {
        throw toStoreError(error);
      }
    },
    async presignGetObject() {
      throw new StoreError('unsupported', 'A folder has no URLs of its own.');
    },
    async close() {},
  };
}

function toParts(key: string): readonly ByteName[] {
  return parseKey(key).map(toByteName);
}

async function toStoredObject(file: OpenFile, range: ByteRange | undefined): Promise<StoredObject> {
  const { size } = file.stats;
  try {
    const { start, length } = toSpan(size, range);
    return { size, body: streamFile(file, start, length) };
  } catch (error) {
    await file.handle.close();
    throw error;
  }
}

async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw toStoreError(error);
  }
}
