const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const RANDOM_LENGTH = 26;
const TAG_LENGTH = 6;
/** 45 bits of milliseconds: enough for a thousand years. */
const TIME_LENGTH = 9;
const OWNER_LENGTH = 4;

/**
 * A new random id: 26 characters of lower-case Crockford base32, 130 random bits.
 * One case only, so that two ids never meet on a file system that folds case.
 */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(RANDOM_LENGTH));
  return Array.from(bytes, (byte) => ALPHABET.charAt(byte & 31)).join('');
}

/**
 * A new job's id: its session's tag, the time, its owner's tag, and 130 random bits. The first tag leads from an id to the few
 * sessions that can hold the job, the time puts the ids of a session in the order in which its jobs came, and the second tag
 * tells nearly all of other callers' jobs without a look into their folders.
 *
 * @param now milliseconds since the epoch
 */
export function newJobId(sessionId: string, owner: string | undefined, now: number = Date.now()): string {
  return sessionTag(sessionId) + toBase32(now, TIME_LENGTH) + ownerTag(sessionId, owner) + newId();
}

/** The first characters of the id of every job of a session: 30 bits of its FNV-1a hash. */
export function sessionTag(sessionId: string): string {
  return toBase32(fnv1a(sessionId) >>> 2, TAG_LENGTH);
}

/** Whether a job may be this owner's, by 20 bits of its id: a `false` is certain. */
export function mayBelongTo(jobId: string, sessionId: string, owner: string | undefined): boolean {
  return jobId.startsWith(ownerTag(sessionId, owner), TAG_LENGTH + TIME_LENGTH);
}

/** Of the session too: equal tags in two sessions don't tell that they have one owner. */
function ownerTag(sessionId: string, owner: string | undefined): string {
  return toBase32(fnv1a(`${sessionId}/${owner ?? ''}`) >>> 12, OWNER_LENGTH);
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}

/** What orders jobs of all sessions by the time at which they came: equal for no two. */
export function orderOf(jobId: string): string {
  return jobId.slice(TAG_LENGTH);
}

export const JOB_ID_PATTERN = /^[0-9a-hjkmnp-tv-z]{45}$/;

/** A session's name is the caller's own label: one path component on every file system, never hidden, never `..`. */
export const SESSION_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

function toBase32(value: number, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest = Math.floor(rest / 32)) {
    text = ALPHABET.charAt(rest % 32) + text;
  }
  return text;
}
