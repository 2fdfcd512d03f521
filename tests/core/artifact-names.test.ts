import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inputName, nameOutputs } from '../../src/core/artifact-names.ts';
import type { CollectedFile } from '../../src/core/workspace.ts';

const file = (path: string, sha256 = `hash of ${path}`): CollectedFile => ({ path, size: 1, sha256 });
const output = (name: string, sha256?: string): CollectedFile => file(`workspace/${name}`, sha256);
const input = (name: string, sha256?: string): CollectedFile => file(`inputs/${name}`, sha256);

function names(outputs: readonly CollectedFile[], inputs: readonly CollectedFile[] = []) {
  return Object.fromEntries(nameOutputs(outputs, inputs).map(({ name, file: { path } }) => [name, path]));
}

describe('names of artifacts', () => {
  it('a file is listed by its path below the workspace', () => {
    expect(names([output('a.txt'), output('sub/dir/b.txt')])).toEqual({
      'a.txt': 'workspace/a.txt',
      'sub/dir/b.txt': 'workspace/sub/dir/b.txt',
    });
  });

  it('an input that the program left alone is no output', () => {
    expect(names([output('script.py', 'same')], [input('script.py', 'same')])).toEqual({});
  });

  it('an input that the program changed is listed beside its original', () => {
    expect(names([output('data/in.csv', 'new')], [input('data/in.csv', 'old')])).toEqual({
      '_workspace/data/in.csv': 'workspace/data/in.csv',
    });
  });

  it('files called stdout and stderr do not hide the captured streams; deeper ones keep their name', () => {
    expect(names([output('stdout'), output('stderr'), output('sub/stdout'), output('stdout.txt')])).toEqual({
      'sub/stdout': 'workspace/sub/stdout',
      'stdout.txt': 'workspace/stdout.txt',
      '_workspace/stdout': 'workspace/stdout',
      '_workspace/stderr': 'workspace/stderr',
    });
  });

  it('control files’ names are not special', () => {
    expect(Object.keys(names([output('manifest.json'), output('job.json'), output('stdin')]))).toHaveLength(
      3,
    );
  });

  it('a program’s own _workspace folder keeps its names, and what collides with it gets another prefix', () => {
    expect(
      names([output('stdout'), output('_workspace/stdout'), output('_workspace/_workspace/stdout')]),
    ).toEqual({
      '_workspace/stdout': 'workspace/_workspace/stdout',
      '_workspace/_workspace/stdout': 'workspace/_workspace/_workspace/stdout',
      '_workspace/_workspace/_workspace/stdout': 'workspace/stdout',
    });
  });

  it('an input in a folder _workspace keeps its name too', () => {
    const inputs = [input('_workspace/stdout', 'same'), input('a', 'old')];
    expect(
      names([output('_workspace/stdout', 'same'), output('stdout'), output('a', 'new')], inputs),
    ).toEqual({
      '_workspace/_workspace/stdout': 'workspace/stdout',
      '_workspace/a': 'workspace/a',
    });
  });

  it('control characters stand as U+FFFD, where two such names still differ', () => {
    const named = names([output('a\nb'), output('a\rb'), output('tab\there'), output('\u0085')]);
    expect(Object.keys(named)).toHaveLength(4);
    for (const name of Object.keys(named)) {
      expect(name).toMatch(/^_workspace\//);
      expect(name).not.toMatch(/\p{Cc}/u);
    }
  });

  it('spaces, quotes, emoji and right-to-left marks are kept', () => {
    const odd = ['a b', 'q"\'', '#?%', '🦊', '\u202Egpj.exe', '-rf', '.hidden', 'back\\slash'];
    expect(Object.keys(names(odd.map((name) => output(name))))).toEqual(odd);
  });

  it('an input’s own name is what was sent', () => {
    expect(inputName(input('sub/a.txt'))).toBe('sub/a.txt');
  });
});

const part = fc.constantFrom('stdout', 'stderr', '_workspace', 'a', 'b', 'a\n', 'a\r');
const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const paths = fc.uniqueArray(path, { maxLength: 14 });

describe('whatever the files are', () => {
  it('each gets a name of its own, never one of a stream or an input', () => {
    fc.assert(
      fc.property(paths, paths, (outputs, inputs) => {
        const named = nameOutputs(
          outputs.map((name) => output(name, 'new')),
          inputs.map((name) => input(name, 'old')),
        ).map(({ name }) => name);
        expect(named).toHaveLength(outputs.length);
        expect(new Set([...named, 'stdout', 'stderr', ...inputs]).size).toBe(
          named.length + new Set([...inputs, 'stdout', 'stderr']).size,
        );
      }),
    );
  });

  it('the order in which they were found changes no name', () => {
    fc.assert(
      fc.property(paths, (outputs) => {
        const forwards = names(outputs.map((name) => output(name)));
        const backwards = names([...outputs].reverse().map((name) => output(name)));
        expect(backwards).toEqual(forwards);
      }),
    );
  });
});
