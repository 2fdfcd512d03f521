import { type ArtifactStore, type ObjectBody, StoreError } from '../../core/artifact-store.ts';
import { toSpan } from '../byte-range.ts';
import { parseKey } from '../object-key.ts';

/** A store that forgets: for tests of what stands on a store. */
export function createMemoryStore(): ArtifactStore {
  const objects = new Map<string, Uint8Array>();
  const find = (key: string): Uint8Array | undefined => {
    parseKey(key);
    return objects.get(key);
  };
  return {
    name: 'memory',
    capabilities: { holdsJobFolders: false, presign: false },
    async putObject(key, body, { signal } = {}) {
      parseKey(key);
      objects.set(key, await readBody(body, signal));
    },
    async getObject(key, { range } = {}) {
      const bytes = find(key);
      if (bytes === undefined) return undefined;
      const { start, length } = toSpan(bytes.length, range);
      return { size: bytes.length, body: toStream(bytes.slice(start, start + length)) };
    },
    async headObject(key) {
      const bytes = find(key);
      return bytes === undefined ? undefined : { size: bytes.length };
    },
    async deleteObject(key) {
      parseKey(key);
      objects.delete(key);
    },
    async *listObjects(prefix) {
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort(byBytes);
      for (const key of keys) {
        const bytes = objects.get(key);
        if (bytes !== undefined) yield { key, size: bytes.length };
      }
    },
    async presignGetObject() {
      throw new StoreError('unsupported', 'Memory has no URLs.');
    },
    async close() {},
  };
}

async function readBody(body: ObjectBody, signal: AbortSignal | undefined): Promise<Uint8Array> {
  if (body instanceof Uint8Array) {
    signal?.throwIfAborted();
    return body.slice();
  }
  const reader = body.getReader();
  const onAbort = (): void => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener('abort', onAbort);
  try {
    const chunks: Uint8Array[] = [];
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
    }
    signal?.throwIfAborted();
    return Buffer.concat(chunks);
  } finally {
    signal?.removeEventListener('abort', onAbort);
    if (signal?.aborted) reader.cancel(signal.reason).catch(() => {});
  }
}

function toStream(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}

/** Order of code points, which is the order of UTF-8's bytes; the language's own order has surrogates before U+E000. */
function byBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
