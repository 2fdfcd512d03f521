import { describe, expect, it } from 'vitest';
import { parseArtifactPath } from '../../src/core/http/artifact-path.ts';
import { newJobId } from '../../src/core/ids.ts';

const JOB = newJobId('s', undefined);
const parse = (path: string) => parseArtifactPath(`http://127.0.0.1:8080${path}`);

function codeOf(path: string): string {
  try {
    parse(path);
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'parsed';
}

describe('the path of an artifact', () => {
  it('names session, job and file', () => {
    expect(parse(`/artifacts/s1/${JOB}/plot.png?via=proxy#x`)).toEqual({
      job: { sessionId: 's1', jobId: JOB },
      name: 'plot.png',
    });
  });

  it('names a file in a folder', () => {
    expect(parse(`/artifacts/s1/${JOB}/sub/dir/f.txt`).name).toBe('sub/dir/f.txt');
  });

  it.each(['a b', '#?%+;"\'', '🦊', '\u202Egpj.exe', '-rf', '.hidden', 'a\\b', '%2e%2e', 'ä'.repeat(127)])(
    'carries the name %j',
    (name) => {
      expect(parse(`/artifacts/s1/${JOB}/${encodeURIComponent(name)}`).name).toBe(name);
    },
  );

  it('is decoded exactly once', () => {
    expect(parse(`/artifacts/s1/${JOB}/%252e%252e%252fx`).name).toBe('%2e%2e%2fx');
  });

  it('an encoded slash makes no further part: it can only be a name that no file bears', () => {
    expect(parse(`/artifacts/s1/${JOB}/..%2f..%2fetc%2fpasswd`)).toEqual({
      job: { sessionId: 's1', jobId: JOB },
      name: '../../etc/passwd',
    });
    expect(parse(`/artifacts/s1/${JOB}/..%5c..%5cx`).name).toBe('..\\..\\x');
    expect(parse(`/artifacts/s1/${JOB}/%2fetc%2fpasswd`).name).toBe('/etc/passwd');
  });

  it.each([
    `/artifacts/s1/${JOB}/a%00.txt`,
    `/artifacts/s1/${JOB}/a%0d%0aSet-Cookie:%20x`,
    `/artifacts/s1/${JOB}/%ff`,
    `/artifacts/s1/${JOB}/%zz`,
    `/artifacts/s1/${JOB}/%u002e`,
    `/artifacts/s1/${JOB}/%C0%AE%C0%AE%2fx`,
    `/artifacts/s1/${JOB}/%ed%a0%80`,
    '/artifacts/s1%2fj1/x/y',
    `/artifacts/.hidden/${JOB}/x`,
    `/artifacts/${'s'.repeat(129)}/${JOB}/x`,
    `/artifacts/s%0a1/${JOB}/x`,
  ])('%s is not understood', (path) => {
    expect(codeOf(path)).toBe('invalid_request');
  });

  it.each([
    '/artifacts/',
    '/artifacts/s1',
    `/artifacts/s1/${JOB}`,
    `/artifacts/s1/${JOB}/`,
    `/artifacts/s1/${JOB}/..`,
    `/artifacts/s1/${JOB}/%2e%2e`,
    `/artifacts/s1/${JOB}/.`,
    `/artifacts/s1/${JOB.slice(0, -1)}/x`,
    `/artifacts/s1/${JOB.toUpperCase()}I/x`,
    '/artifacts/s1/../../etc/passwd',
  ])('%s names nothing', (path) => {
    expect(codeOf(path)).toBe('not_found');
  });
});
