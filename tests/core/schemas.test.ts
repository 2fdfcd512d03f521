import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/core/errors.ts';
import { parseInput } from '../../src/core/http/parse-input.ts';
import { codeExecutionInput, executeEnvelope, inputPath, runEnvelope } from '../../src/core/schemas.ts';

const BASE = { language: 'python', code: 'print(1)' };

/** The code of the refusal and where the first issue lies; `passed` when there is none. */
function check(fields: Record<string, unknown>): string {
  try {
    parseInput(codeExecutionInput, { ...BASE, ...fields });
    return 'passed';
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.issues?.length).toBeGreaterThan(0);
    return `${error.code} ${error.issues?.[0]?.path}`;
  }
}

const file = (path: string, content = 'x'): Record<string, unknown> => ({ path, content });

describe('fields', () => {
  it('takes all that the contract names', () => {
    const all = {
      filename: 'main.py',
      stdin: 'line\n',
      args: ['-x', 'ä', ''],
      env: { NAME: 'value', _x9: '' },
      files: [file('a/b.txt'), { path: 'c.bin', content: 'AAEC', encoding: 'base64' }],
      timeoutMs: 1000,
      limits: { memoryBytes: 1, cpus: 0.1, pids: 1, outputBytes: 1, diskBytes: 1 },
    };
    expect(parseInput(codeExecutionInput, { ...BASE, ...all })).toEqual({
      ...BASE,
      ...all,
      files: [
        { path: 'a/b.txt', content: 'x', encoding: 'utf8' },
        { path: 'c.bin', content: 'AAEC', encoding: 'base64' },
      ],
    });
  });

  it.each(['python', 'node', 'bun', 'bash'])('knows %s', (language) => {
    expect(check({ language })).toBe('passed');
  });

  it.each([
    ['language', { language: 'ruby' }],
    ['language', { language: undefined }],
    ['code', { code: 1 }],
    ['stdin', { stdin: ['x'] }],
    ['args.1', { args: ['a', 1] }],
    ['timeoutMs', { timeoutMs: 0 }],
    ['timeoutMs', { timeoutMs: 1.5 }],
    ['timeoutMs', { timeoutMs: '1000' }],
    ['limits.memoryBytes', { limits: { memoryBytes: -1 } }],
    ['limits.cpus', { limits: { cpus: 0 } }],
    ['limits.cpus', { limits: { cpus: Number.POSITIVE_INFINITY } }],
    ['limits.pids', { limits: { pids: 2 ** 60 } }],
    ['files.0.encoding', { files: [{ ...file('a'), encoding: 'hex' }] }],
  ])('%s is named where it is wrong: %j', (path, fields) => {
    expect(check(fields)).toBe(`invalid_request ${path}`);
  });

  it.each(['privileged', 'binds', 'network', 'HostConfig', 'runtime', 'image', 'user', 'labels', 'Code'])(
    'refuses the field %s',
    (name) => {
      expect(check({ [name]: true })).toBe(`invalid_request ${name}`);
      expect(check({ limits: { [name]: 1 } })).toBe(`invalid_request limits.${name}`);
    },
  );

  it('refuses a field more in a file', () => {
    expect(check({ files: [{ ...file('a'), mode: 0o4755 }] })).toBe('invalid_request files.0.mode');
  });

  it('tells at most twenty issues', () => {
    try {
      parseInput(codeExecutionInput, { ...BASE, args: Array.from({ length: 100 }, (_, n) => n) });
      expect.unreachable();
    } catch (error) {
      expect((error as AppError).issues).toHaveLength(20);
    }
  });

  it('messages say what to send and never quote what was sent', () => {
    try {
      parseInput(codeExecutionInput, { language: 'sekret', code: { sekret: 1 }, sekret: 'sekret' });
      expect.unreachable();
    } catch (error) {
      const messages = (error as AppError).issues?.map(({ message }) => message).join(' ') ?? '';
      expect(messages).toContain('Must be one of python, node, bun, bash.');
      expect(messages).toContain('Is no field of this tool: remove it.');
      expect(messages).not.toContain('sekret');
    }
  });
});

describe('text', () => {
  it.each(['code', 'stdin', 'filename'])('a lone surrogate in %s is refused, never replaced', (name) => {
    expect(check({ [name]: 'a\ud800b' })).toBe(`invalid_request ${name}`);
  });

  it('also in arguments, variables, paths and contents', () => {
    expect(check({ args: ['\udc00'] })).toBe('invalid_request args.0');
    expect(check({ env: { A: '\ud800' } })).toBe('invalid_request env.A');
    expect(check({ files: [file('\ud800')] })).toBe('invalid_request files.0.path');
    expect(check({ files: [file('a', '\ud800')] })).toBe('invalid_request files.0.content');
  });

  it('whole surrogate pairs pass', () => {
    expect(check({ code: '# 🦊', args: ['🦊'], files: [file('🦊', '🦊')] })).toBe('passed');
  });

  it('NUL is refused where the kernel has no room for it, and kept in contents', () => {
    expect(check({ args: ['a\0b'] })).toBe('invalid_request args.0');
    expect(check({ env: { A: 'a\0b' } })).toBe('invalid_request env.A');
    expect(check({ code: '#\0', stdin: '\0', files: [file('a', '\0')] })).toBe('passed');
  });

  it('an argument fits into what Linux takes as one', () => {
    expect(check({ args: ['x'.repeat(131_071)] })).toBe('passed');
    expect(check({ args: ['x'.repeat(131_072)] })).toBe('invalid_request args.0');
    expect(check({ args: ['ä'.repeat(65_536)] })).toBe('invalid_request args.0');
    expect(check({ args: Array.from({ length: 1001 }, () => 'x') })).toBe('too_large args');
  });
});

describe('the command line as a whole', () => {
  it('is refused when the kernel would not start it', () => {
    const argument = 'x'.repeat(120 * 1024);
    expect(check({ args: Array.from({ length: 8 }, () => argument) })).toBe('passed');
    expect(check({ args: Array.from({ length: 9 }, () => argument) })).toMatch(/^invalid_request/);
    const env = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`V${at}`, 'x'.repeat(60 * 1024)]));
    expect(check({ env })).toMatch(/^invalid_request/);
  });
});

describe('environment', () => {
  it.each(['A=B', '', 'a b', '9A', 'A-B', 'Ä', 'A\n', 'x'.repeat(256)])('the name %j is refused', (name) => {
    expect(check({ env: { [name]: 'x' } })).toMatch(/^invalid_request env/);
  });

  it.each(['LD_PRELOAD', 'LD_LIBRARY_PATH', 'GLIBC_TUNABLES', 'BASH_ENV', 'ENV'])('%s is refused', (name) => {
    expect(check({ env: { [name]: 'x' } })).toMatch(/^invalid_request env/);
  });

  it('a large value is refused', () => {
    expect(check({ env: { A: 'x'.repeat(64 * 1024) } })).toBe('passed');
    expect(check({ env: { A: 'x'.repeat(1024 * 1024) } })).toBe('invalid_request env.A');
  });

  it('names that JavaScript keeps for itself are refused, not dropped, and reach no prototype', () => {
    expect(check({ env: { constructor: 'x' } })).toMatch(/^invalid_request env/);
    expect(check({ env: { prototype: 'x' } })).toMatch(/^invalid_request env/);
    expect(check({ env: JSON.parse('{"__proto__":{"x":"1"}}') })).toMatch(/^invalid_request env/);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it.each([[[]], ['A=B'], [null], [1]])('%j is no environment', (env) => {
    expect(check({ env })).toMatch(/^invalid_request env/);
  });
});

describe('paths of input files', () => {
  const BAD = [
    '/etc/passwd',
    '..',
    '../x',
    'a/../../b',
    'a/../b',
    'a\\..\\b',
    '',
    '.',
    './a',
    'a/',
    'a//b',
    'a/.',
    'a\0',
    'a\nb',
    'a\rb',
    'x\u0085',
    'stdout',
    'stderr',
    'x'.repeat(256),
    `${'x/'.repeat(450)}x`,
    'ä'.repeat(128),
  ];

  it.each(BAD)('%j is refused', (path) => {
    expect(check({ files: [file(path)] })).toBe('invalid_request files.0.path');
    expect(check({ filename: path })).toBe('invalid_request filename');
  });

  it.each([
    'a',
    '.hidden',
    '..a',
    'a..',
    'sub/stdout',
    'ä/🦊',
    '-x',
    'a b',
    'x'.repeat(255),
    '_workspace/stdout',
  ])('%j is taken', (path) => {
    expect(check({ files: [file(path)] })).toBe('passed');
  });

  it('never leave the workspace, whatever is sent', () => {
    const piece = fc.constantFrom('..', '.', '', 'a', '/', '\\', '\0', 'b.txt', ' ');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const path = pieces.join('/');
        try {
          parseInput(inputPath, path);
        } catch {
          return;
        }
        expect(new URL(path.split('/').map(encodeURIComponent).join('/'), 'file:///w/').pathname).toBe(
          `/w/${path.split('/').map(encodeURIComponent).join('/')}`,
        );
      }),
    );
  });

  it.each([[['a', 'a']], [['a', 'a/b']], [['a/b/c', 'a/b']], [['script.py']], [['script.py/x']]])(
    '%j is a clash',
    (paths) => {
      expect(check({ files: paths.map((path) => file(path)) })).toBe('invalid_request ');
    },
  );

  it('names that only look alike are no clash', () => {
    expect(check({ files: ['a', 'A', 'ab', 'a.b', 'u\u0308', '\u00fc'].map((path) => file(path)) })).toBe(
      'passed',
    );
  });

  it('10,001 files are too many, and 10,000 are looked through quickly', () => {
    const files = Array.from({ length: 10_001 }, (_, n) => file(`d/d/d/d/${n}`));
    expect(check({ files })).toBe('too_large files');
    const begun = performance.now();
    expect(check({ files: files.slice(1) })).toBe('passed');
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});

describe('base64', () => {
  const encoded = (content: string): string => check({ files: [{ path: 'a', content, encoding: 'base64' }] });

  it.each(['', 'AA==', 'AAA=', 'AAAA', '+/+/'])('%j is', (content) => {
    expect(encoded(content)).toBe('passed');
  });

  it.each(['A', 'AA', 'AAA', 'A===', 'AA=A', 'AAAA\n', '-_-_', 'AA AA', '====', 'ää=='])(
    '%j is not',
    (content) => {
      expect(encoded(content)).toBe('invalid_request files.0.content');
    },
  );

  it('takes what any encoder makes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(encoded(Buffer.from(bytes).toString('base64'))).toBe('passed');
      }),
    );
  });
});

describe('the envelope', () => {
  it.each(['a', 'A.b_c-9', '0', 'x'.repeat(128)])('takes the session %j', (sessionId) => {
    expect(parseInput(runEnvelope, { sessionId, more: 1 })).toEqual({ sessionId, more: 1 });
  });

  it.each(['', '.a', '-a', '_a', 'a/b', 'a b', '..', 'ä', 'a\n', 'x'.repeat(129), 1, null, undefined])(
    'refuses the session %j',
    (sessionId) => {
      expect(() => parseInput(executeEnvelope, { tool: 'code_execution', sessionId })).toThrow(AppError);
    },
  );

  it.each([[[]], ['text'], [null], [1]])('%j is no body', (body) => {
    expect(() => parseInput(executeEnvelope, body)).toThrow(AppError);
  });
});
