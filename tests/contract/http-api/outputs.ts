import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Answer, download, execute, type SubjectGetter } from './subject.ts';

const GIB = 1024 ** 3;
const MANY = 5000;

/** Names that URLs, headers and shells stumble over. */
const ODD_NAMES = [
  'with space.txt',
  '#?%+;"\'&=.txt',
  '%2e%2e%2f',
  'back\\slash.txt',
  '🦊 ünï.txt',
  '\u202Egpj.exe',
  '-rf',
  '.hidden',
  '"><img src=x onerror=alert(1)>',
  'u\u0308.txt',
  '\u00fc.txt',
  'A.txt',
  'a.txt',
  'x'.repeat(255),
  'manifest.json',
  'job.json',
  'sub/dir/deep.txt',
  'sub/stdout',
];

const WRITE_ODD = `import json, os
for name in json.load(open("names.json")):
    if "/" in name: os.makedirs(os.path.dirname(name), exist_ok=True)
    open(name, "w").write("content of " + name)`;

/** A run that leaves one of every kind that must be taken with care. */
const MIXED = `import os, socket, zlib, struct
def png():
    def chunk(kind, data): return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(b"\\0\\xff\\0\\0")) + chunk(b"IEND", b"")
open("red.png", "wb").write(png())
open("empty.bin", "w").close()
open("page.html", "w").write("<script>alert(1)</script>")
open("in.txt", "w").write("changed")
open("stdout", "w").write("a file called stdout")
os.makedirs("_workspace"); open("_workspace/stdout", "w").write("in the way")
os.symlink("/etc/passwd", "passwd.txt"); os.symlink("/", "root"); os.symlink("/proc/self/environ", "environ.txt")
os.link("page.html", "hard.html")
os.mkfifo("pipe")
socket.socket(socket.AF_UNIX).bind("sock")
open("line\\nbreak.txt", "w").write("broken name")
open(b"not-utf8-\\xff", "w").write("x")
print("to the real stdout")`;

export function describeOutputs(subject: SubjectGetter): void {
  describe('what a run leaves', () => {
    let mixed: Answer;
    let odd: Answer;

    beforeAll(async () => {
      const names = { path: 'names.json', content: JSON.stringify(ODD_NAMES) };
      const inputs = ['in.txt', 'untouched.txt'].map((path) => ({ path, content: 'original' }));
      [mixed, odd] = await Promise.all([
        execute(subject(), { language: 'python', code: MIXED, files: inputs }),
        execute(subject(), { language: 'python', code: WRITE_ODD, files: [names] }),
      ]);
      expect([mixed.exitCode, odd.exitCode]).toEqual([0, 0]);
    });

    const read = async (url: string | undefined): Promise<string> =>
      (await download(subject(), url)).toString();

    it('a picture comes back byte for byte with its media type', async () => {
      const row = mixed.files.find(({ name }) => name === 'red.png');
      const bytes = await download(subject(), row?.url);
      expect(bytes.subarray(0, 8)).toEqual(Buffer.from('89504e470d0a1a0a', 'hex'));
      expect(row).toMatchObject({ mediaType: 'image/png', size: bytes.length, truncated: false });
      expect(row?.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    });

    it('an empty file is an artifact of no bytes', async () => {
      const row = mixed.files.find(({ name }) => name === 'empty.bin');
      expect(row).toMatchObject({ size: 0, sha256: createHash('sha256').digest('hex') });
      const response = await subject().fetch(row?.url ?? '');
      expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([200, 0]);
    });

    it('a changed input is listed beside its original; an untouched one is no output', async () => {
      expect(await read(mixed.artifacts.inputs['in.txt'])).toBe('original');
      expect(await read(mixed.artifacts.outputs['_workspace/in.txt'])).toBe('changed');
      expect(mixed.artifacts.outputs).not.toHaveProperty('untouched.txt');
      expect(mixed.artifacts.outputs).not.toHaveProperty('_workspace/untouched.txt');
    });

    it('a file called stdout does not hide the stream', async () => {
      expect(await read(mixed.artifacts.outputs.stdout)).toBe('to the real stdout\n');
      expect(await read(mixed.artifacts.outputs['_workspace/stdout'])).toBe('in the way');
      expect(await read(mixed.artifacts.outputs['_workspace/_workspace/stdout'])).toBe(
        'a file called stdout',
      );
    });

    it('links, pipes and sockets are told as skipped and their targets never served', async () => {
      const reasons = Object.fromEntries(mixed.skipped.map(({ name, reason }) => [name, reason]));
      expect(reasons).toMatchObject({
        'passwd.txt': 'symlink',
        root: 'symlink',
        'environ.txt': 'symlink',
        pipe: 'not_a_file',
        sock: 'not_a_file',
        'not-utf8-\uFFFD': 'name_not_utf8',
      });
      for (const name of ['passwd.txt', 'environ.txt', 'root/etc/passwd', 'pipe', 'sock']) {
        const { status } = await subject().fetch(`/artifacts/${mixed.sessionId}/${mixed.id}/${name}`);
        expect(status, name).toBe(404);
      }
    });

    it('a line break in a name makes no header and no URL of its own', async () => {
      const name = Object.keys(mixed.artifacts.outputs).find((key) => key.includes('break.txt'));
      expect(name).toBe('_workspace/line\uFFFDbreak.txt');
      expect(await read(mixed.artifacts.outputs[name ?? ''])).toBe('broken name');
    });

    it('control files beside the workspace are not served', async () => {
      for (const name of [
        'manifest.json',
        'job.json',
        'stdin',
        'inputs/in.txt',
        'workspace/red.png',
        '../job.json',
      ]) {
        const { status } = await subject().fetch(
          `/artifacts/${mixed.sessionId}/${mixed.id}/${encodeURIComponent(name)}`,
        );
        expect(status, name).toBe(404);
      }
    });

    it.each(ODD_NAMES)('%j is listed and its URL gives its bytes', async (name) => {
      const url = odd.artifacts.outputs[name];
      const response = await subject().fetch(url ?? '');
      expect(response.status, url).toBe(200);
      expect(await response.text()).toBe(`content of ${name}`);
      expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename/);
    });

    it('5,000 files and a deep tree are all listed', async () => {
      const code = `import os
for n in range(${MANY}): open(f"{n}.txt", "w").write(str(n))
os.makedirs("d/" * 30); open("d/" * 30 + "leaf", "w").write("leaf")`;
      const answer = await execute(subject(), { language: 'python', code });
      expect(answer.exitCode).toBe(0);
      expect(Object.keys(answer.artifacts.outputs)).toHaveLength(MANY + 3);
      expect(answer).toMatchObject({ skipped: [] });
      expect(answer.truncated).toBeUndefined();
      expect(await read(answer.artifacts.outputs['4711.txt'])).toBe('4711');
      expect(await read(answer.artifacts.outputs[`${'d/'.repeat(30)}leaf`])).toBe('leaf');
    });

    it('a sparse file of 1 GiB is listed with its size and read at its end', async () => {
      const answer = await execute(subject(), {
        language: 'bash',
        code: `truncate -s 1G big; printf end >> other`,
      });
      const row = answer.files.find(({ name }) => name === 'big');
      if (row === undefined) throw new Error(`not listed: ${JSON.stringify(answer.skipped)}`);
      expect(row.size).toBe(GIB);
      const head = await subject().fetch(row.url, { method: 'HEAD' });
      expect([head.status, head.headers.get('content-length')]).toEqual([200, String(GIB)]);
      const tail = await subject().fetch(row.url, { headers: { Range: 'bytes=-4' } });
      expect(tail.status).toBe(206);
      expect(tail.headers.get('content-range')).toBe(`bytes ${GIB - 4}-${GIB - 1}/${GIB}`);
      expect([...Buffer.from(await tail.arrayBuffer())]).toEqual([0, 0, 0, 0]);
    });
  });
}
