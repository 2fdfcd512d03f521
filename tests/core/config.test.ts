import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type Config, ConfigError, parseConfig } from '../../src/core/config.ts';
import { VARIABLES } from '../../src/core/config-variables.ts';

const HOST = { cores: 6, home: '/home/anna', cwd: '/srv/app' };
const GIB = 1024 ** 3;

const parse = (env: Record<string, string | undefined>): Config => parseConfig(env, HOST);

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    parse(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error(`accepted: ${JSON.stringify(env)}`);
}

const DEFAULTS: Config = {
  host: '127.0.0.1',
  port: 8080,
  publicUrl: undefined,
  runtime: 'auto',
  socketPath: undefined,
  ociRuntime: undefined,
  storagePath: '/home/anna/.aa-storage',
  workerImage: 'aa-worker:latest',
  apiKeys: [],
  urlTtlSeconds: 86_400,
  allowedHosts: [],
  corsOrigins: [],
  maxRunning: 12,
  maxQueued: 64,
  queueTimeoutMs: 30_000,
  resumeGraceMs: 15_000,
  maxBodyBytes: 32 * 1024 * 1024,
  policy: {
    timeoutMs: 300_000,
    memoryBytes: 512 * 1024 * 1024,
    cpus: 0.5,
    pids: 128,
    outputBytes: 16 * 1024 * 1024,
    diskBytes: GIB,
  },
  allowUnenforced: [],
  logLevel: 'info',
};

describe('defaults', () => {
  it('are the contract’s', () => {
    expect(parse({})).toEqual(DEFAULTS);
  });

  it('stand for empty and blank values', () => {
    const empty = Object.fromEntries(
      Object.keys(VARIABLES).map((name, index) => [name, ' '.repeat(index % 2)]),
    );
    expect(parse(empty)).toEqual(DEFAULTS);
  });

  it('run at least four jobs on a small machine', () => {
    expect(parseConfig({}, { ...HOST, cores: 1 }).maxRunning).toBe(4);
  });
});

describe('names', () => {
  it('refuses an unknown AA_ name and says which one was meant', () => {
    expect(problemsOf({ AA_STORAGE_PAHT: '/x' })).toEqual([
      'AA_STORAGE_PAHT is not a variable of this version: remove it, or write AA_STORAGE_PATH.',
    ]);
    expect(problemsOf({ AA_MAX_RUNING: '2' })[0]).toMatch(/write AA_MAX_RUNNING\.$/);
  });

  it('refuses it even when it is empty', () => {
    expect(problemsOf({ AA_NONSENSE: '' })).toHaveLength(1);
  });

  it('leaves AA_TEST_ names and everything else alone', () => {
    expect(parse({ AA_TEST_ANYTHING: 'x', PATH: '/bin', AAA: '1', aa_max_running: 'x' })).toEqual(DEFAULTS);
  });

  it('tells every problem at once', () => {
    expect(problemsOf({ PORT: 'x', AA_RUNTIME: 'lxc', AA_FOO: '1', HOST: '0.0.0.0' })).toHaveLength(4);
  });
});

const KEY = 'k3y-of-twenty-four-chars-';

/** For each variable: values that are refused, and what the sentence must tell instead. */
const REFUSED: Record<keyof typeof VARIABLES, { readonly values: readonly string[]; readonly cure: RegExp }> =
  {
    HOST: { values: ['http://x', 'a b', '[::1]'], cure: /write a host name or an address/ },
    PORT: { values: ['-1', '65536', '80a', '8080.5', '0x50', '1e3'], cure: /from 0 to 65535/ },
    PUBLIC_URL: {
      values: ['tools.example.com', 'ftp://x', 'https://x/?a=1', 'https://x/#a', 'https://u:p@x'],
      cure: /https:\/\/tools\.example\.com/,
    },
    AA_RUNTIME: { values: ['Docker', 'containerd'], cure: /auto, docker, podman/ },
    DOCKER_SOCKET_PATH: { values: ['tcp://127.0.0.1:2375', 'https://x', '~other/x'], cure: /path/ },
    AA_OCI_RUNTIME: { values: ['a b', '--root=/x'], cure: /write the name of an OCI runtime/ },
    AA_STORAGE_PATH: { values: ['~other/x', '$TMP/x', '/a/$HOME'], cure: /absolute path/ },
    AA_WORKER_IMAGE: { values: ['-x', 'a b', '$(id)'], cure: /aa-worker:latest/ },
    AA_API_KEYS: {
      values: [
        KEY,
        'anna:short',
        `:${KEY}`,
        `anna:${KEY},bo`,
        'anna:sha256:abc',
        `anna:sha256:${KEY}`,
        `a b:${KEY}`,
      ],
      cure: /write name:key with a key of 24 characters or more/,
    },
    AA_GENERATE_KEY: { values: ['yes', 'TRUE', '2'], cure: /write true or false/ },
    AA_URL_TTL: { values: ['24', '0h', '1w', '-1h', '1.5h'], cure: /such as 30m, 24h or 7d/ },
    AA_ALLOWED_HOSTS: { values: ['a:80', 'https://a', 'a, b c'], cure: /without port/ },
    AA_CORS_ORIGINS: { values: ['chat.example.com', 'https://x/path', '*', 'null'], cure: /https:\/\/chat/ },
    AA_MAX_RUNNING: { values: ['0', '-2', '1.5', 'many'], cure: /whole number, 1 or more/ },
    AA_MAX_QUEUED: { values: ['-1', 'x'], cure: /whole number, 0 or more/ },
    AA_QUEUE_TIMEOUT_MS: { values: ['0', '30s', '2147483648'], cure: /from 1 to 2147483647/ },
    AA_RESUME_GRACE_MS: { values: ['-1', '15s', '2147483648'], cure: /from 0 to 2147483647/ },
    AA_MAX_TIMEOUT_MS: { values: ['0', 'inf', '2147483648'], cure: /from 1 to 2147483647/ },
    AA_MAX_BODY_BYTES: { values: ['1023', '1.5MiB', '32 MB!', '-1', '9999999GiB'], cure: /32MiB/ },
    AA_MAX_OUTPUT_BYTES: { values: ['0', 'x'], cure: /number of bytes, 1 or more/ },
    AA_MAX_MEMORY_BYTES: { values: ['31MiB', '512 megs'], cure: /number of bytes/ },
    AA_MAX_CPUS: { values: ['0', '-1', 'NaN', 'Infinity', 'half'], cure: /number above 0/ },
    AA_MAX_PIDS: { values: ['3', '4.5'], cure: /4 or more/ },
    AA_MAX_DISK_BYTES: { values: ['1KiB', 'all'], cure: /number of bytes/ },
    AA_ALLOW_UNENFORCED: { values: ['network', 'cpu,disk'], cure: /cpu, pids, memory/ },
    AA_LOG_LEVEL: { values: ['verbose', 'INFO'], cure: /debug, info/ },
  };

describe.each(Object.entries(REFUSED))('a bad %s', (name, { values, cure }) => {
  it.each(values)('%s is refused with the cure', (value) => {
    const [problem, ...more] = problemsOf({ [name]: value });
    expect(more).toEqual([]);
    expect(problem).toMatch(cure);
    if (name.includes('KEY')) expect(problem).not.toContain(KEY);
    else expect(problem).toContain(`${name}=${value}`);
    expect(problem).toMatch(/\.$/);
  });
});

describe('values', () => {
  it('takes keys as they are and as their SHA-256, and lets a public address be with them', () => {
    const hash = 'AB'.repeat(32);
    const config = parse({
      HOST: '0.0.0.0',
      AA_API_KEYS: `anna:${KEY}, bo:sha256:${hash}`,
      AA_URL_TTL: '90m',
    });
    expect(config.apiKeys).toEqual([
      { name: 'anna', key: KEY },
      { name: 'bo', sha256: hash.toLowerCase() },
    ]);
    expect(config.urlTtlSeconds).toBe(5400);
    expect(config.host).toBe('0.0.0.0');
  });

  it.each(['true', '1'])(
    'AA_GENERATE_KEY=%s lets a public address be, and makes a key where there is none',
    (value) => {
      const env = { HOST: '0.0.0.0', AA_GENERATE_KEY: value };
      expect(parse(env).apiKeys).toBe('generate');
      expect(parse({ ...env, AA_API_KEYS: `anna:${KEY}` }).apiKeys).toEqual([{ name: 'anna', key: KEY }]);
    },
  );

  it.each(['false', '0'])('AA_GENERATE_KEY=%s makes none', (value) => {
    expect(parse({ AA_GENERATE_KEY: value }).apiKeys).toEqual([]);
    expect(problemsOf({ HOST: '0.0.0.0', AA_GENERATE_KEY: value })).toHaveLength(1);
  });

  it.each([
    ['33554432', 33_554_432],
    ['32MiB', 33_554_432],
    ['32Mi', 33_554_432],
    ['32mib', 33_554_432],
    ['1GB', 1_000_000_000],
    ['64 KiB', 65_536],
    ['2048B', 2048],
  ])('the size %s is %i bytes', (raw, bytes) => {
    expect(parse({ AA_MAX_BODY_BYTES: raw }).maxBodyBytes).toBe(bytes);
  });

  it.each([
    ['~', '/home/anna'],
    ['~/jobs', '/home/anna/jobs'],
    ['$HOME/jobs', '/home/anna/jobs'],
    ['$' + '{HOME}/jobs', '/home/anna/jobs'],
    ['/var/lib/../aa//x/./', '/var/aa/x'],
    ['jobs', '/srv/app/jobs'],
    ['/with space', '/with space'],
  ])('the folder %s is %s', (raw, path) => {
    expect(parse({ AA_STORAGE_PATH: raw }).storagePath).toBe(path);
  });

  it.each([
    ['unix:///run/docker.sock', '/run/docker.sock'],
    ['~/.docker/run/docker.sock', '/home/anna/.docker/run/docker.sock'],
  ])('the socket %s is %s', (raw, path) => {
    expect(parse({ DOCKER_SOCKET_PATH: raw }).socketPath).toBe(path);
  });

  it('lists are split at commas, blanks around and empty parts dropped', () => {
    const config = parse({
      AA_ALLOWED_HOSTS: ' Tools.Example.com, [::1] ,',
      AA_CORS_ORIGINS: 'https://chat.example.com/,http://localhost:3000',
      AA_ALLOW_UNENFORCED: 'cpu,memory',
    });
    expect(config.allowedHosts).toEqual(['tools.example.com', '[::1]']);
    expect(config.corsOrigins).toEqual(['https://chat.example.com', 'http://localhost:3000']);
    expect(config.allowUnenforced).toEqual(['cpu', 'memory']);
  });

  it('a public URL may have a path and loses its last slash', () => {
    expect(parse({ PUBLIC_URL: 'https://example.com/tools/' }).publicUrl).toBe('https://example.com/tools');
  });

  it('the policy takes the operator’s values', () => {
    const { policy } = parse({ AA_MAX_CPUS: '2.5', AA_MAX_MEMORY_BYTES: '2GiB', AA_MAX_PIDS: '4' });
    expect(policy).toMatchObject({ cpus: 2.5, memoryBytes: 2 * GIB, pids: 4 });
  });
});

describe('a public address', () => {
  it.each(['0.0.0.0', '::', '192.168.1.5', 'tools.example.com', '127.example.com'])(
    '%s is refused',
    (host) => {
      expect(problemsOf({ HOST: host })[0]).toMatch(/other machines .*leave HOST at 127\.0\.0\.1/);
    },
  );

  it.each(['127.0.0.1', 'localhost', '::1', '127.0.0.53', 'LOCALHOST'])('%s is none', (host) => {
    expect(parse({ HOST: host }).host).toBe(host.toLowerCase());
  });
});

describe('.env.example', () => {
  const path = new URL('../../.env.example', import.meta.url);

  it('lists every variable and no other', () => {
    const example = parseEnv(readFileSync(path, 'utf8').replace(/^#(?=[A-Z_]+=)/gm, ''));
    expect(Object.keys(example).sort()).toEqual(Object.keys(VARIABLES).sort());
  });

  it('sets none that docker-compose.yml has a default for: podman-compose takes an empty one as it stands', () => {
    const compose = readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8');
    const named = [...compose.matchAll(/\$\{(\w+):-/g)].map(([, name]) => name);
    expect(new Set(named)).toEqual(new Set(['PORT', 'AA_STORAGE_PATH', 'DOCKER_SOCKET_PATH']));
    const example = parseEnv(readFileSync(path, 'utf8'));
    expect(Object.keys(example).filter((name) => named.includes(name))).toEqual([]);
  });

  it('copied unchanged means the defaults', () => {
    expect(parse(parseEnv(readFileSync(path, 'utf8')))).toEqual(DEFAULTS);
  });
});
