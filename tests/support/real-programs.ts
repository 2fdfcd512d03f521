import type { ExamPrograms } from '../contract/container-runtime/subject.ts';

const sh = (script: string, ...args: string[]): readonly string[] => ['/bin/sh', '-c', script, 'sh', ...args];
const python = (script: string): readonly string[] => ['python3', '-c', script];

/** The exam's programs for an image that has a shell and Python. */
export const realPrograms: ExamPrograms = {
  print: (stdout, stderr = '') => sh('printf %s "$1"; printf %s "$2" >&2', stdout, stderr),
  exit: (code) => sh(`exit ${code}`),
  sleep: (seconds) => ['sleep', String(seconds)],
  ignoreTerm: () => sh('trap "" TERM; echo ready; while :; do sleep 1; done'),
  trapTerm: () => sh('trap "echo got it; exit 5" TERM; echo ready; while :; do sleep 0.1; done'),
  tinyWrites: (count) => python(`import os\nfor i in range(${count}): os.write(1, bytes([i % 256]))`),
  flood: (stream, bytes) =>
    stream === 'stdout'
      ? sh(`head -c ${bytes} /dev/zero; echo last >&2`)
      : sh(`head -c ${bytes} /dev/zero >&2; echo last`),
  interleave: (count) =>
    python(`import os\nfor i in range(${count}):\n os.write(1, b'o%d\\n' % i)\n os.write(2, b'e%d\\n' % i)`),
  readStdin: () => sh('wc -c'),
  segfault: () => sh('kill -SEGV $$'),
  oom: () => python('x = bytearray(1 << 30)'),
  daemonise: () => sh('setsid sh -c \'trap "" TERM HUP; sleep 1000\' & echo done'),
};
