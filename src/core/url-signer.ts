import { equal } from './api-keys.ts';
import { toBase64Url } from './base64.ts';
import { createHmac } from './hmac.ts';
import type { JobRef } from './workspace.ts';

/** Signs artifact URLs, so that a browser opens them without a key until they expire. */
export interface UrlSigner {
  /** The query of an artifact's URL: `exp` (seconds since the epoch) and `sig` (HMAC-SHA-256, base64url). */
  sign(job: JobRef, name: string): Promise<string>;
  /** Whether a query was made by `sign` for this artifact and hasn't expired. */
  verify(job: JobRef, name: string, query: URLSearchParams): Promise<boolean>;
}

/** @param secret 32 random bytes or more, the same for as long as links shall live. */
export async function createUrlSigner(secret: Uint8Array, ttlSeconds: number): Promise<UrlSigner> {
  const hmac = await createHmac(secret);
  // JSON, so that no name can move the border between two parts.
  const mac = ({ sessionId, jobId }: JobRef, name: string, exp: string): Promise<Uint8Array> =>
    hmac(JSON.stringify([sessionId, jobId, name, exp]));
  return {
    async sign(job, name) {
      const exp = String(Math.floor(Date.now() / 1000) + ttlSeconds);
      return `exp=${exp}&sig=${toBase64Url(await mac(job, name, exp))}`;
    },
    async verify(job, name, query) {
      const exp = query.get('exp') ?? '';
      const sig = query.get('sig') ?? '';
      if (!/^\d{1,12}$/.test(exp) || Number(exp) * 1000 <= Date.now()) return false;
      const expected = new TextEncoder().encode(toBase64Url(await mac(job, name, exp)));
      return equal(expected, new TextEncoder().encode(sig));
    },
  };
}
