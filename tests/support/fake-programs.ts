import { fakeArgs } from '../../src/runtimes/fake/index.ts';
import type { ExamPrograms } from '../contract/container-runtime/subject.ts';

const CHUNK = 64 * 1024;

/** The exam's programs as scripts of the fake engine. */
export const fakePrograms: ExamPrograms = {
  print: (stdout, stderr = '') => fakeArgs({ stdout }, { stderr }),
  exit: (exit) => fakeArgs({ exit }),
  sleep: (seconds) => fakeArgs({ sleep: seconds * 1000 }),
  ignoreTerm: () => fakeArgs({ ignoreTerm: true }, { stdout: 'ready\n' }, { hang: true }),
  trapTerm: () =>
    fakeArgs({ onTerm: { stdout: 'got it\n', exit: 5 } }, { stdout: 'ready\n' }, { hang: true }),
  tinyWrites: (count) =>
    fakeArgs(
      ...Array.from({ length: count }, (_, i) => ({
        stdout: Buffer.of(i % 256).toString('base64'),
        base64: true,
      })),
    ),
  flood(stream, bytes) {
    const whole = { [stream]: '\0'.repeat(CHUNK), times: Math.floor(bytes / CHUNK) };
    const rest = { [stream]: '\0'.repeat(bytes % CHUNK) };
    const other = stream === 'stdout' ? { stderr: 'last\n' } : { stdout: 'last\n' };
    return ['fake', JSON.stringify([whole, rest, other])];
  },
  interleave: (count) =>
    fakeArgs(
      ...Array.from({ length: count }, (_, i) => [{ stdout: `o${i}\n` }, { stderr: `e${i}\n` }]).flat(),
    ),
  readStdin: () => fakeArgs({ stdout: '0\n' }),
  segfault: () => fakeArgs({ exit: 139 }),
  oom: () => fakeArgs({ oom: true }),
  daemonise: () => fakeArgs({ stdout: 'done\n' }),
};
