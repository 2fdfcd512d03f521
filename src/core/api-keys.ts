import { AppError } from './errors.ts';

/** A key that may call, as the operator wrote it: its holder's name, and the key or its SHA-256 as lower-case hex. */
export type ApiKeySetting =
  | { readonly name: string; readonly key: string }
  | { readonly name: string; readonly sha256: string };

/** Who calls. Without keys everybody is the same caller, who has no name. */
export interface Caller {
  readonly name: string | undefined;
}

export interface ApiKeys {
  readonly required: boolean;
  /** Who may call, each once. */
  readonly names: readonly string[];
  /** Throws `unauthorized` unless the request bears a key, where one is needed. */
  authenticate(request: Request): Promise<Caller>;
}

const BEARER = /^Bearer +([^\s]+)$/i;
const NOBODY: Caller = { name: undefined };

/** Keeps the keys' digests only. Two keys of one name are one caller, so that a key can be replaced without a gap. */
export async function createApiKeys(keys: readonly ApiKeySetting[]): Promise<ApiKeys> {
  const known = await Promise.all(
    keys.map(async (setting) => ({
      name: setting.name,
      digest: 'key' in setting ? await sha256(setting.key) : fromHex(setting.sha256),
    })),
  );
  return {
    required: keys.length > 0,
    names: [...new Set(keys.map(({ name }) => name))],
    async authenticate(request) {
      if (known.length === 0) return NOBODY;
      const token = BEARER.exec(request.headers.get('authorization') ?? '')?.[1];
      if (token === undefined) throw unauthorized();
      const digest = await sha256(token);
      // Every key is compared, to the last byte: the time tells nothing of which came near.
      const holders = known.filter((key) => equal(key.digest, digest));
      const [holder] = holders;
      if (holder === undefined) throw unauthorized();
      return { name: holder.name };
    },
  };
}

/** Without keys everything is everybody's; a key opens its holder's jobs alone. */
export function mayAccess(caller: Caller, owner: string | undefined): boolean {
  return caller.name === undefined || caller.name === owner;
}

export function unauthorized(): AppError {
  return new AppError(
    'unauthorized',
    'This needs a key: send Authorization: Bearer <key>, one of AA_API_KEYS.',
    {
      headers: { 'WWW-Authenticate': 'Bearer' },
    },
  );
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
}

/** Compares two byte strings in a time that depends on their lengths only. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  a.forEach((byte, index) => {
    difference |= byte ^ (b[index] ?? 0);
  });
  return difference === 0;
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
