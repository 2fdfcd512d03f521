import * as v from 'valibot';
import { JOB_ID_PATTERN, SESSION_ID_PATTERN } from './ids.ts';
import { JOB_STATUSES } from './jobs/job.ts';

const MAX_FILES = 10_000;
/** Leaves room in a key's 1,024 bytes for session, job and a bucket's prefix, as for what programs leave. */
const MAX_PATH_BYTES = 800;
const MAX_NAME_BYTES = 255;
/** What Linux takes as one string of an argument list. */
const MAX_STRING_BYTES = 128 * 1024 - 1;
/** Of all arguments and variables together; Linux allows a quarter of the stack, 2 MiB. */
const MAX_COMMAND_LINE_BYTES = 1024 * 1024;
const MAX_ENV_VALUE_BYTES = 64 * 1024;
const MAX_ARGS = 1000;

const utf8Length = (text: string): number => new TextEncoder().encode(text).length;

/** Text that UTF-8 can hold: a lone surrogate would silently become another character. */
const text = v.pipe(
  v.string('Must be a string.'),
  v.check(
    (value) => value.isWellFormed(),
    'Holds a lone surrogate, which UTF-8 cannot: send whole characters.',
  ),
);

const argument = v.pipe(
  text,
  v.check((value) => !value.includes('\0'), 'Holds a NUL character, which no argument can: remove it.'),
  v.check(
    (value) => utf8Length(value) <= MAX_STRING_BYTES,
    'Longer than 128 KiB: send it by stdin or as a file.',
  ),
);

/** Why a path can't name an input file; `undefined` when it can. */
function pathProblem(path: string): string | undefined {
  if (path === '') return 'Is empty: name a file.';
  if (/\p{Cc}/u.test(path)) return 'Holds a control character, which no URL may carry: remove it.';
  if (path.includes('\\')) return 'Holds a backslash: separate folders with "/".';
  if (path.startsWith('/')) return 'Is absolute: name a file relative to /workspace.';
  const parts = path.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..')) {
    return 'Has an empty, "." or ".." part: name a file below /workspace plainly.';
  }
  if (utf8Length(path) > MAX_PATH_BYTES) return `Longer than ${MAX_PATH_BYTES} bytes: use a shorter path.`;
  if (parts.some((part) => utf8Length(part) > MAX_NAME_BYTES)) {
    return `Has a part longer than ${MAX_NAME_BYTES} bytes: use a shorter name.`;
  }
  if (path === 'stdout' || path === 'stderr') return 'Is the name of a captured stream: use another name.';
  return undefined;
}

/** A relative path of an input file. */
export const inputPath = v.pipe(
  text,
  v.rawCheck(({ dataset, addIssue }) => {
    const problem = dataset.typed ? pathProblem(dataset.value) : undefined;
    if (problem !== undefined) addIssue({ message: problem });
  }),
);

const DENIED_ENV = /^(LD_.*|GLIBC_TUNABLES|BASH_ENV|ENV)$/;

const envName = v.pipe(
  v.string(),
  v.regex(
    /^[A-Za-z_][A-Za-z0-9_]{0,254}$/,
    'Is no name of an environment variable: use letters, digits and "_".',
  ),
  v.check(
    (name) => !DENIED_ENV.test(name),
    'Would change how programs are loaded: set it inside your code if you need it.',
  ),
);

const envValue = v.pipe(
  text,
  v.check((value) => !value.includes('\0'), 'Holds a NUL character, which no variable can: remove it.'),
  v.check(
    (value) => utf8Length(value) <= MAX_ENV_VALUE_BYTES,
    'Longer than 64 KiB: send it by stdin or as a file.',
  ),
);

/**
 * An object that is no array and has none of the keys that JavaScript keeps for itself: a record alone would take the one and
 * drop the others in silence. `GET /tools` shows it as {@link STRING_MAP_JSON_SCHEMA}.
 */
export const stringMap = v.custom<Record<string, unknown>>(
  isPlainMap,
  'Must be an object of names and strings, none of them named __proto__, constructor or prototype.',
);

function isPlainMap(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return !['__proto__', 'constructor', 'prototype'].some((key) => Object.hasOwn(value, key));
}

export const STRING_MAP_JSON_SCHEMA = { type: 'object', additionalProperties: { type: 'string' } } as const;

const environment = v.pipe(stringMap, v.record(envName, envValue));

const positiveInteger = v.pipe(
  v.number('Must be a number.'),
  v.safeInteger('Must be a whole number.'),
  v.minValue(1, 'Must be 1 or more.'),
);

/** Fields that every tool which runs a program may take. */
export const runOptionEntries = {
  timeoutMs: v.optional(
    v.pipe(positiveInteger, v.description("Milliseconds from the program's start (default 30000).")),
  ),
  limits: v.optional(
    v.strictObject({
      memoryBytes: v.optional(positiveInteger),
      cpus: v.optional(
        v.pipe(v.number('Must be a number.'), v.finite(), v.gtValue(0, 'Must be more than 0.')),
      ),
      pids: v.optional(positiveInteger),
      outputBytes: v.optional(positiveInteger),
      diskBytes: v.optional(positiveInteger),
    }),
  ),
};

const inputFile = v.pipe(
  v.strictObject({
    path: inputPath,
    content: text,
    encoding: v.optional(v.picklist(['utf8', 'base64'], 'Must be "utf8" or "base64".'), 'utf8'),
  }),
  v.forward(
    v.check(
      ({ content, encoding }) => encoding !== 'base64' || isBase64(content),
      'Is not base64: encode it with padding, without line breaks.',
    ),
    ['content'],
  ),
);

/** Standard base64 with padding (RFC 4648, section 4). Linear, also for many megabytes. */
function isBase64(value: string): boolean {
  if (value.length % 4 !== 0) return false;
  const padding = value.endsWith('==') ? 2 : value.endsWith('=') ? 1 : 0;
  return !/[^A-Za-z0-9+/]/.test(value.slice(0, value.length - padding));
}

export const LANGUAGES = ['python', 'node', 'bun', 'bash'] as const;
export type Language = (typeof LANGUAGES)[number];

export const DEFAULT_FILENAMES: Readonly<Record<Language, string>> = {
  python: 'script.py',
  node: 'script.js',
  bun: 'script.ts',
  bash: 'script.sh',
};

/** Input of the tool `code_execution`. */
export const codeExecutionInput = v.pipe(
  v.strictObject({
    language: v.picklist(LANGUAGES, `Must be one of ${LANGUAGES.join(', ')}.`),
    code: v.pipe(text, v.description('Source text of the program.')),
    filename: v.optional(v.pipe(inputPath, v.description('Name of the source file in /workspace.'))),
    stdin: v.optional(v.pipe(text, v.description('What the program reads from its standard input.'))),
    args: v.optional(
      v.pipe(
        v.array(argument),
        v.maxLength(MAX_ARGS, `More than ${MAX_ARGS} arguments: send them in a file.`),
      ),
    ),
    env: v.optional(environment),
    files: v.optional(
      v.pipe(
        v.array(inputFile),
        v.maxLength(MAX_FILES, `More than ${MAX_FILES} files: send an archive and unpack it.`),
      ),
    ),
    ...runOptionEntries,
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const {
      language,
      filename = DEFAULT_FILENAMES[language],
      files = [],
      args = [],
      env = {},
    } = dataset.value;
    const clash = findClash([filename, ...files.map((file) => file.path)]);
    if (clash !== undefined)
      addIssue({ message: `"${clash}" is named twice, or is both a file and a folder: rename one.` });
    if (commandLineBytes(args, env) > MAX_COMMAND_LINE_BYTES)
      addIssue({
        message: 'args and env together are longer than 1 MiB: send what is long by stdin or as a file.',
      });
  }),
  v.examples([
    { language: 'python', code: 'print("Hello, World!")' },
    {
      language: 'bash',
      code: 'cat data/in.txt - > out.txt; echo "$WHO $1"',
      stdin: 'more\n',
      args: ['from the arguments'],
      env: { WHO: 'hello' },
      files: [{ path: 'data/in.txt', content: 'aGVsbG8K', encoding: 'base64' }],
      timeoutMs: 5000,
      limits: { memoryBytes: 268_435_456 },
    },
  ]),
);

/** What the kernel has to copy when it starts the program; past 2 MiB of it none starts. */
function commandLineBytes(args: readonly string[], env: Readonly<Record<string, string>>): number {
  const strings = [...args, ...Object.entries(env).flat()];
  return strings.reduce((sum, string) => sum + utf8Length(string) + 1, 0);
}

/** The first path that stands twice, or that is also a folder of another. */
function findClash(paths: readonly string[]): string | undefined {
  const seen = new Set<string>();
  for (const path of paths) {
    if (seen.has(path)) return path;
    seen.add(path);
  }
  return paths.find((path) => folders(path).some((folder) => seen.has(folder)));
}

function folders(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

export const sessionId = v.pipe(
  v.string('Must be a string.'),
  v.regex(
    SESSION_ID_PATTERN,
    'Must be 1 to 128 letters, digits, ".", "_" or "-", beginning with a letter or digit.',
  ),
);

/** A loose object alone would drop these names, and the tool's own schema could no longer refuse them. */
const body = v.custom<Record<string, unknown>>(
  isPlainMap,
  'Must be an object, none of its fields named __proto__, constructor or prototype.',
);

/** What `POST /tools/execute` takes beside the tool's own fields. */
export const executeEnvelope = v.pipe(
  body,
  v.looseObject({ tool: v.string('Must name a tool; GET /tools lists them.'), sessionId }),
);

/** The same for `POST /run`, which means `code_execution`. */
export const runEnvelope = v.pipe(body, v.looseObject({ sessionId }));

const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;

/** The query of `GET /jobs`. */
export const jobsQuery = v.strictObject({
  sessionId: v.optional(sessionId),
  status: v.optional(v.picklist(JOB_STATUSES, `Must be one of ${JOB_STATUSES.join(', ')}.`)),
  cursor: v.optional(
    v.pipe(v.string(), v.regex(JOB_ID_PATTERN, 'Is no cursor: send the nextCursor of the page before.')),
  ),
  limit: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{1,3}$/, `Must be a whole number from 1 to ${MAX_PAGE}.`),
      v.transform(Number),
      v.minValue(1, 'Must be 1 or more.'),
      v.maxValue(MAX_PAGE, `Must be ${MAX_PAGE} or less.`),
    ),
    String(DEFAULT_PAGE),
  ),
});

/** The query of `GET /readyz`: it stands there, whatever its value. */
export const verbose = v.optional(v.string());

/** The header `Idempotency-Key`. */
export const idempotencyKey = v.pipe(
  v.string(),
  v.regex(/^[\x21-\x7e]{1,255}$/, 'Is no key: send 1 to 255 visible ASCII characters, such as a UUID.'),
);

/** The header `Last-Event-ID`: 0 for none. */
export const lastEventId = v.pipe(
  v.string(),
  v.regex(/^\d{1,15}$/, 'Is no event id: send the id of the last event that you have.'),
  v.transform(Number),
);
