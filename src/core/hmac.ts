/** HMAC-SHA-256 of a text under one secret. */
export type Hmac = (message: string) => Promise<Uint8Array>;

/** @param secret 32 random bytes or more */
export async function createHmac(secret: Uint8Array): Promise<Hmac> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', new Uint8Array(secret), algorithm, false, ['sign']);
  return async (message) =>
    new Uint8Array(await crypto.subtle.sign(algorithm, key, new TextEncoder().encode(message)));
}
