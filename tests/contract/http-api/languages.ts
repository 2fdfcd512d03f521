import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  download,
  execute,
  newSession,
  post,
  type SubjectGetter,
  stderrOf,
  stdoutOf,
  toAnswer,
} from './subject.ts';

/** Each language's way to read its arguments, a variable, a file in a folder and its input, and to write a file. */
const PROGRAMS = {
  python: {
    filename: 'script.py',
    mediaType: 'text/x-python; charset=utf-8',
    code: `import os, sys
print("hello from python", sys.argv[1:], os.environ["GREETING"], open("data/in.txt").read(), sys.stdin.read())
sys.stderr.write("to stderr")
open("output.txt", "w").write("written by python")`,
    stdout: "hello from python ['a b', '-x', ''] hällo in-file from stdin\n\n",
  },
  node: {
    filename: 'script.js',
    mediaType: 'text/javascript; charset=utf-8',
    code: `const fs = require('node:fs');
console.log('hello from node', JSON.stringify(process.argv.slice(2)), process.env.GREETING, fs.readFileSync('data/in.txt', 'utf8'), fs.readFileSync(0, 'utf8'));
process.stderr.write('to stderr');
fs.writeFileSync('output.txt', 'written by node');`,
    stdout: 'hello from node ["a b","-x",""] hällo in-file from stdin\n\n',
  },
  bun: {
    filename: 'script.ts',
    mediaType: 'text/x-typescript; charset=utf-8',
    code: `import { readFileSync } from 'node:fs';
const args: string[] = process.argv.slice(2);
console.log('hello from bun', JSON.stringify(args), process.env.GREETING, readFileSync('data/in.txt', 'utf8'), await Bun.stdin.text());
process.stderr.write('to stderr');
await Bun.write('output.txt', 'written by bun');`,
    stdout: 'hello from bun ["a b","-x",""] hällo in-file from stdin\n\n',
  },
  bash: {
    filename: 'script.sh',
    mediaType: 'text/x-shellscript; charset=utf-8',
    code: `printf 'hello from bash (%s)(%s)(%s) %s %s %s\\n\\n' "$1" "$2" "$3" "$GREETING" "$(cat data/in.txt)" "$(cat)"
printf 'to stderr' >&2
printf 'written by bash' > output.txt`,
    stdout: 'hello from bash (a b)(-x)() hällo in-file from stdin\n\n',
  },
} as const;

const LANGUAGES = Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[];

export function describeLanguages(subject: SubjectGetter): void {
  describe('the main job', () => {
    const answers = new Map<string, Answer>();
    const answerOf = (language: string): Answer => {
      const answer = answers.get(language);
      if (answer === undefined) throw new Error(`${language} did not run`);
      return answer;
    };

    beforeAll(async () => {
      const runs = LANGUAGES.map(async (language) => {
        const fields = {
          language,
          code: PROGRAMS[language].code,
          stdin: 'from stdin\n',
          args: ['a b', '-x', ''],
          env: { GREETING: 'hällo' },
          files: [
            { path: 'data/in.txt', content: 'in-file' },
            { path: 'data/deep/bytes.bin', content: 'AP8A/w==', encoding: 'base64' },
          ],
        };
        answers.set(language, await execute(subject(), fields));
      });
      await Promise.all(runs);
    });

    it.each(LANGUAGES)('%s runs with arguments, variables, files and input', async (language) => {
      const answer = answerOf(language);
      expect(await stdoutOf(subject(), answer)).toBe(PROGRAMS[language].stdout);
      expect(await stderrOf(subject(), answer)).toBe('to stderr');
      expect(answer).toMatchObject({ outcome: 'exited', exitCode: 0, skipped: [] });
      expect(answer.signal).toBeUndefined();
      const output = await download(subject(), answer.artifacts.outputs['output.txt']);
      expect(output.toString()).toBe(`written by ${language}`);
    });

    it.each(LANGUAGES)(
      '%s: the workspace holds what was sent and what was written, nothing else',
      (language) => {
        const { artifacts } = answerOf(language);
        expect(Object.keys(artifacts.inputs).sort()).toEqual(
          [PROGRAMS[language].filename, 'data/deep/bytes.bin', 'data/in.txt'].sort(),
        );
        expect(Object.keys(artifacts.outputs).sort()).toEqual(['output.txt', 'stderr', 'stdout']);
      },
    );

    it.each(LANGUAGES)(
      '%s: inputs come back as they were sent, with size, hash and media type',
      async (language) => {
        const answer = answerOf(language);
        const { filename, code, mediaType } = PROGRAMS[language];
        expect((await download(subject(), answer.artifacts.inputs[filename])).toString()).toBe(code);
        const bytes = await download(subject(), answer.artifacts.inputs['data/deep/bytes.bin']);
        expect([...bytes]).toEqual([0, 255, 0, 255]);
        const row = answer.files.find(({ name }) => name === filename);
        expect(row).toMatchObject({
          kind: 'input',
          size: Buffer.byteLength(code),
          mediaType,
          truncated: false,
        });
        expect(answer.files.find(({ name }) => name === 'data/in.txt')?.sha256).toBe(await sha256('in-file'));
      },
    );

    it('URLs begin with the origin by which the request came and name session and job', () => {
      const answer = answerOf('python');
      expect(answer.artifacts.outputs.stdout).toBe(
        `${subject().baseUrl}/artifacts/${answer.sessionId}/${answer.id}/stdout`,
      );
    });

    it('the applied limits are the defaults when none are asked for', () => {
      expect(answerOf('bash').limits).toEqual({
        timeoutMs: 30_000,
        memoryBytes: 512 * 1024 * 1024,
        cpus: 0.5,
        pids: 128,
        outputBytes: 16 * 1024 * 1024,
        diskBytes: 1024 * 1024 * 1024,
      });
    });

    it('POST /run is the older door to the same', async () => {
      const sessionId = newSession();
      const response = await post(subject(), '/run', { sessionId, language: 'bash', code: 'echo older' });
      expect(response.status).toBe(200);
      const answer = toAnswer(await response.json());
      expect(answer).toMatchObject({ tool: 'code_execution', sessionId, exitCode: 0 });
      expect(await stdoutOf(subject(), answer)).toBe('older\n');
    });

    it('a file name of one’s own, in a folder, with a dash in front', async () => {
      const [folder, dash] = await Promise.all([
        execute(subject(), { language: 'python', filename: 'src/main.py', code: 'print(__file__)' }),
        execute(subject(), { language: 'bash', filename: '-e.sh', code: 'echo "$0"' }),
      ]);
      expect(await stdoutOf(subject(), folder)).toMatch(/src\/main\.py\n$/);
      expect(Object.keys(folder.artifacts.inputs)).toEqual(['src/main.py']);
      expect(await stdoutOf(subject(), dash)).toBe('./-e.sh\n');
    });

    it('without stdin a program reads its end at once', async () => {
      const answer = await execute(subject(), { language: 'bash', code: 'read x; echo "$?"' });
      expect(await stdoutOf(subject(), answer)).toBe('1\n');
    });
  });
}

async function sha256(text: string): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(text))).toString('hex');
}
