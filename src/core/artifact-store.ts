/**
 * Where artifacts and manifests are kept: a flat map from key to bytes, as S3 shapes it.
 *
 * Every implementation passes the same exam (`tests/contract/artifact-store.ts`). Keys are `/`-separated, 1 to 1,024
 * bytes of UTF-8, each part at most 255, with no empty, `.` or `..` part and no NUL, and not below `.supervisor/`; any other
 * key rejects with `invalid_key` before anything is touched. Two keys that differ in any byte are two objects. No key is
 * another's folder: a store may refuse the second.
 */
export interface ArtifactStore {
  readonly name: 'disk' | 'memory' | 's3';
  readonly capabilities: StoreCapabilities;

  /**
   * Stores an object: all of it or nothing. A reader sees the old object or the new, never part of one. When `body` fails or
   * `signal` aborts, the call rejects and the key is as it was.
   */
  putObject(key: string, body: ObjectBody, options?: PutObjectOptions): Promise<void>;

  /** Opens an object for reading; `undefined` when there is none. The caller reads the body to its end or cancels it. */
  getObject(key: string, options?: { readonly range?: ByteRange }): Promise<StoredObject | undefined>;

  headObject(key: string): Promise<ObjectHead | undefined>;

  /** Resolves also when there is no such object. */
  deleteObject(key: string): Promise<void>;

  /** Every key that starts with `prefix`, in byte order, however many there are. An absent prefix yields nothing. */
  listObjects(prefix: string): AsyncIterable<ListedObject>;

  /** A URL by which anybody may GET the object until it expires; only where `capabilities.presign`. */
  presignGetObject(key: string, options: PresignOptions): Promise<string>;

  /** A second call does nothing. */
  close(): Promise<void>;
}

export interface StoreCapabilities {
  /** What a job leaves in its own folder is already stored under the folder's key: nothing needs to be put. */
  readonly holdsJobFolders: boolean;
  readonly presign: boolean;
}

export type ObjectBody = Uint8Array | ReadableStream<Uint8Array>;

export interface PutObjectOptions {
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

/** First and last byte, both inclusive; outside the object the call rejects with `unavailable`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface ObjectHead {
  /** Bytes of the whole object. */
  readonly size: number;
}

/** `body` yields exactly the range's bytes (the whole object's without a range), or fails: it never ends early as if whole. */
export interface StoredObject extends ObjectHead {
  readonly body: ReadableStream<Uint8Array>;
}

export interface ListedObject extends ObjectHead {
  readonly key: string;
}

export interface PresignOptions {
  readonly expiresInSeconds: number;
  readonly contentType: string;
  readonly contentDisposition: string;
}

export type StoreErrorCode = 'invalid_key' | 'no_space' | 'unavailable' | 'unsupported';

/** `message` and `cause` are for the log, never for a client. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}
