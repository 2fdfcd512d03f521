import type { ApiKeySetting } from './api-keys.ts';

/** Facts of the machine that defaults depend on. */
export interface Host {
  /** Processors. */
  readonly cores: number;
  /** The user's home folder, for a leading `~` or `$HOME`. */
  readonly home: string;
  /** The working directory, for a relative storage path. */
  readonly cwd: string;
}

/** A parser of one variable: gives the value or throws a sentence that says what to write instead. */
type Parse<T> = (raw: string, host: Host) => T;

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1000,
  m: 1000 ** 2,
  g: 1000 ** 3,
  ki: 1024,
  mi: 1024 ** 2,
  gi: 1024 ** 3,
};

function whole(least: number, most = Number.MAX_SAFE_INTEGER): Parse<number> {
  return (raw) => {
    const value = Number(raw);
    if (/^\d+$/.test(raw) && value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `from ${least} to ${most}`;
    throw new Error(`write a whole number, ${range}`);
  };
}

/** Bytes: a whole number, or one with a unit (`32MiB`, `1GB`). */
function bytes(least: number): Parse<number> {
  return (raw) => {
    const match = /^(\d+)\s*([kmg]i?)?b?$/i.exec(raw);
    const value = Number(match?.[1]) * (UNITS[(match?.[2] ?? '').toLowerCase()] ?? Number.NaN);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new Error(`write a number of bytes, ${least} or more, such as 33554432 or 32MiB`);
  };
}

function oneOf<const T extends string>(...allowed: readonly T[]): Parse<T> {
  return (raw) => {
    const found = allowed.find((value) => value === raw);
    if (found !== undefined) return found;
    throw new Error(`write one of ${allowed.join(', ')}`);
  };
}

const flag: Parse<boolean> = (raw) => {
  if (raw === 'true' || raw === '1') return true;
  if (raw === 'false' || raw === '0') return false;
  throw new Error('write true or false');
};

function list<T>(item: Parse<T>): Parse<readonly T[]> {
  return (raw, host) =>
    raw
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .map((part) => item(part, host));
}

const cpuShare: Parse<number> = (raw) => {
  const value = Number(raw);
  if (Number.isFinite(value) && value >= 0.05) return value;
  throw new Error('write a number above 0, 0.05 at least, such as 0.5 or 2');
};

const ociRuntime: Parse<string> = (raw) => {
  if (/^[\w][\w.\-/]*$/.test(raw)) return raw;
  throw new Error('write the name of an OCI runtime that the engine knows, such as crun or runsc');
};

const origin: Parse<string> = (raw) => {
  const url = toUrl(raw);
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.origin === raw.replace(/\/$/, ''))
    return url.origin;
  throw new Error('write an origin, such as https://chat.example.com');
};

const publicUrl: Parse<string> = (raw) => {
  const url = toUrl(raw);
  if (
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    url.search === '' &&
    url.hash === '' &&
    url.username === ''
  ) {
    return url.href.replace(/\/$/, '');
  }
  throw new Error('write the URL by which clients reach the service, such as https://tools.example.com');
};

const hostName: Parse<string> = (raw) => {
  if (/^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)$/i.test(raw)) return raw.toLowerCase();
  throw new Error('write a host name without port, such as tools.example.com');
};

const LEAST_KEY_LENGTH = 24;

const apiKey: Parse<ApiKeySetting> = (raw) => {
  const [, name = '', rest = ''] = /^([A-Za-z0-9][A-Za-z0-9._-]{0,63}):(.+)$/.exec(raw) ?? [];
  const sha256 = /^sha256:([0-9a-f]{64})$/i.exec(rest)?.[1];
  if (sha256 !== undefined) return { name, sha256: sha256.toLowerCase() };
  if (rest.length >= LEAST_KEY_LENGTH && /^[\x21-\x7e]+$/.test(rest) && !rest.startsWith('sha256:')) {
    return { name, key: rest };
  }
  throw new Error(
    `write name:key with a key of ${LEAST_KEY_LENGTH} characters or more, as \`openssl rand -hex 24\` prints, or name:sha256:<64 hex digits>`,
  );
};

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** A time span in seconds: a whole number with its unit. */
const duration: Parse<number> = (raw) => {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(raw) ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? Number.NaN);
  if (seconds > 0) return seconds;
  throw new Error('write a time with its unit, such as 30m, 24h or 7d');
};

const image: Parse<string> = (raw) => {
  if (/^[\w][\w.\-/:@]*$/.test(raw)) return raw;
  throw new Error('write an image reference, such as aa-worker:latest');
};

/** The same string must name the folder for us and for the engine, so it is absolute and has no `.` or `..` part. */
const folder: Parse<string> = (raw, { home, cwd }) => {
  const expanded = raw.replace(/^(~|\$HOME|\$\{HOME\})(?=\/|$)/, home);
  if (expanded.includes('$') || expanded.startsWith('~')) {
    throw new Error('write an absolute path; only a leading ~ or $HOME is expanded');
  }
  const absolute = expanded.startsWith('/') ? expanded : `${cwd}/${expanded}`;
  const parts: string[] = [];
  for (const part of absolute.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
};

/** An engine socket, with or without the scheme that DOCKER_HOST has. */
const socket: Parse<string> = (raw, host) => {
  if (/^[a-z]+:\/\//i.test(raw) && !raw.startsWith('unix://')) {
    throw new Error(
      'write the path of a unix socket, such as /var/run/docker.sock; engines over TCP are not used',
    );
  }
  return folder(raw.replace(/^unix:\/\//, ''), host);
};

/** What to listen on: a name or an address, IPv6 without brackets. */
const address: Parse<string> = (raw) => {
  if (/^[a-z0-9.:-]+$/i.test(raw)) return raw.toLowerCase();
  throw new Error('write a host name or an address, such as 127.0.0.1');
};

function toUrl(raw: string): URL | undefined {
  return URL.canParse(raw) ? new URL(raw) : undefined;
}

/** Every variable that the service knows. `.env.example` lists the same, and a test compares the two. */
export const VARIABLES = {
  HOST: address,
  PORT: whole(0, 65_535),
  PUBLIC_URL: publicUrl,
  AA_RUNTIME: oneOf('auto', 'docker', 'podman'),
  DOCKER_SOCKET_PATH: socket,
  AA_OCI_RUNTIME: ociRuntime,
  AA_STORAGE_PATH: folder,
  AA_WORKER_IMAGE: image,
  AA_API_KEYS: list(apiKey),
  AA_GENERATE_KEY: flag,
  AA_URL_TTL: duration,
  AA_ALLOWED_HOSTS: list(hostName),
  AA_CORS_ORIGINS: list(origin),
  AA_MAX_RUNNING: whole(1),
  AA_MAX_QUEUED: whole(0),
  AA_QUEUE_TIMEOUT_MS: whole(1, 2_147_483_647),
  AA_MAX_TIMEOUT_MS: whole(1, 2_147_483_647),
  AA_RESUME_GRACE_MS: whole(0, 2_147_483_647),
  AA_MAX_BODY_BYTES: bytes(1024),
  AA_MAX_OUTPUT_BYTES: bytes(1),
  AA_MAX_MEMORY_BYTES: bytes(32 * 1024 * 1024),
  AA_MAX_CPUS: cpuShare,
  AA_MAX_PIDS: whole(4),
  AA_MAX_DISK_BYTES: bytes(64 * 1024),
  AA_ALLOW_UNENFORCED: list(oneOf('cpu', 'pids', 'memory')),
  AA_LOG_LEVEL: oneOf('debug', 'info', 'warn', 'error', 'silent'),
} as const satisfies Record<string, Parse<unknown>>;

/** Variables whose value must not be repeated in a message. */
const SECRET = /KEY|SECRET|TOKEN/;

type VariableName = keyof typeof VARIABLES;

export type Variables = { readonly [N in VariableName]?: ReturnType<(typeof VARIABLES)[N]> };

/** Parses each variable that is set; collects one sentence for each that's wrong or unknown. */
export function parseVariables(
  env: Readonly<Record<string, string | undefined>>,
  host: Host,
): { readonly values: Variables; readonly problems: readonly string[] } {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, parse] of Object.entries<Parse<unknown>>(VARIABLES)) {
    const raw = env[name]?.trim();
    if (raw === undefined || raw === '') continue;
    try {
      values[name] = parse(raw, host);
    } catch (error) {
      problems.push(
        `${SECRET.test(name) ? name : `${name}=${raw}`} is not usable: ${error instanceof Error ? error.message : String(error)}.`,
      );
    }
  }
  return { values: values as Variables, problems: [...problems, ...unknownNames(env)] };
}

function unknownNames(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = Object.keys(VARIABLES);
  return Object.keys(env)
    .filter((name) => name.startsWith('AA_') && !name.startsWith('AA_TEST_') && !known.includes(name))
    .map((name) => `${name} is not a variable of this version: remove it, or write ${nearest(name, known)}.`);
}

/** The known name that shares the longest beginning and ending with a mistyped one. */
function nearest(name: string, known: readonly string[]): string {
  const score = (candidate: string): number =>
    shared(name, candidate) + shared(reverse(name), reverse(candidate));
  return [...known].sort((a, b) => score(b) - score(a))[0] ?? '';
}

function shared(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}

function reverse(name: string): string {
  return [...name].reverse().join('');
}
