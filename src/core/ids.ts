const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const LENGTH = 26;

/**
 * A new random id: 26 characters of lower-case Crockford base32, 130 random bits.
 * One case only, so that two ids never meet on a file system that folds case.
 */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(LENGTH));
  return Array.from(bytes, (byte) => ALPHABET.charAt(byte & 31)).join('');
}

export const JOB_ID_PATTERN = /^[0-9a-hjkmnp-tv-z]{26}$/;

/** A session's name is the caller's own label: one path component on every file system, never hidden, never `..`. */
export const SESSION_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
