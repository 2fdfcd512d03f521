import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type {
  ByteSink,
  ContainerExit,
  ContainerRuntime,
  ContainerSpec,
} from '../../../src/core/container-runtime.ts';

/** What a runtime's test file hands to the exam. */
export interface RuntimeSubject {
  readonly runtime: ContainerRuntime;
  readonly image: string;
  /** Labels that the image carries: engines add them to every container made from it, and none can be kept from it. */
  readonly imageLabels: Readonly<Record<string, string>>;
  /** Whether limits and namespaces are real; the cases that look at them from inside are skipped otherwise. */
  readonly isolates: boolean;
  readonly programs: ExamPrograms;
  /** What the engine holds beside containers (volumes), by name: the same before and after each case. */
  leftovers(): Promise<readonly string[]>;
  close?(): Promise<void>;
}

/** Command lines that do on this subject what their names say. */
export interface ExamPrograms {
  print(stdout: string, stderr?: string): readonly string[];
  exit(code: number): readonly string[];
  /** Ends with 143 on SIGTERM, as a program does that knows nothing of signals. */
  sleep(seconds: number): readonly string[];
  /** Prints `ready`, ignores SIGTERM, never ends. */
  ignoreTerm(): readonly string[];
  /** Prints `ready`; on SIGTERM prints `got it` and exits with 5. */
  trapTerm(): readonly string[];
  /** Writes bytes 0, 1, …, 255, 0, … to stdout, one write each. */
  tinyWrites(count: number): readonly string[];
  /** Writes zero bytes in large writes, then `last\n` to the other stream. */
  flood(stream: 'stdout' | 'stderr', bytes: number): readonly string[];
  /** Writes `o<i>\n` to stdout and `e<i>\n` to stderr in turn. */
  interleave(count: number): readonly string[];
  /** Prints the number of bytes that stdin held before its end. */
  readStdin(): readonly string[];
  segfault(): readonly string[];
  oom(): readonly string[];
  /** Leaves a process behind that ignores SIGTERM and keeps stdout open, prints `done`, exits with 0. */
  daemonise(): readonly string[];
}

export interface Outcome {
  readonly exit: ContainerExit;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** The exam's view of one subject: specs with the exam's label, and runs from create to remove. */
export interface Exam {
  readonly subject: RuntimeSubject;
  readonly label: Readonly<Record<string, string>>;
  readonly workspace: string;
  spec(args: readonly string[], changes?: Partial<ContainerSpec>): ContainerSpec;
  run(args: readonly string[], changes?: Partial<ContainerSpec>): Promise<Outcome>;
}

export const EXAM_FSIZE = 64 * 1024 * 1024;

/** Registers the exam's hooks: one subject for all cases, and after each case nothing may be left behind. */
export function prepareExam(makeSubject: () => Promise<RuntimeSubject>): Exam {
  const label = { 'tes.exam': randomBytes(6).toString('hex') };
  let subject: RuntimeSubject | undefined;
  let workspace = '';
  let before: readonly string[] = [];

  const present = (): RuntimeSubject => {
    if (subject === undefined) throw new Error('the exam has no subject yet');
    return subject;
  };

  beforeAll(async () => {
    subject = await makeSubject();
    workspace = await mkdtemp(join(tmpdir(), 'runtime-exam-'));
    await chmod(workspace, 0o777);
  });
  beforeEach(async () => {
    before = await present().leftovers();
  });
  afterEach(async () => {
    const left = await present().runtime.list({ labels: label });
    for (const { id } of left) await present().runtime.remove(id);
    expect(left, 'containers left behind').toEqual([]);
    const gained = (await present().leftovers()).filter((name) => !before.includes(name));
    expect(gained, 'engine resources left behind').toEqual([]);
  });
  afterAll(async () => {
    await subject?.runtime.close();
    await subject?.close?.();
    await rm(workspace, { recursive: true, force: true });
  });

  const exam: Exam = {
    get subject() {
      return present();
    },
    get workspace() {
      return workspace;
    },
    label,
    spec: (args, changes) => ({ ...examSpec(present().image, workspace, label), args, ...changes }),
    async run(args, changes) {
      const { runtime } = present();
      const id = await runtime.create(exam.spec(args, changes));
      try {
        const stdout = gather();
        const stderr = gather();
        const { exited } = await runtime.start(id, { stdout, stderr });
        const exit = await exited;
        return { exit, stdout: stdout.bytes(), stderr: stderr.bytes() };
      } finally {
        await runtime.remove(id);
      }
    },
  };
  return exam;
}

function examSpec(
  image: string,
  workspace: string,
  label: Readonly<Record<string, string>>,
): Omit<ContainerSpec, 'args'> {
  return {
    image,
    env: { HOME: '/tmp', EXAM: 'yes' },
    cwd: '/workspace',
    user: { uid: 10001, gid: 10001 },
    hostname: 'exam-host',
    mounts: [{ source: workspace, target: '/workspace', readonly: false }],
    tmpfs: [{ target: '/tmp', sizeBytes: 64 * 1024 * 1024, inodes: 4096, mode: 0o1777, exec: true }],
    resources: { memoryBytes: 512 * 1024 * 1024, cpus: 0.5, pids: 128 },
    rlimits: [
      { type: 'nofile', soft: 1024, hard: 1024 },
      { type: 'core', soft: 0, hard: 0 },
      { type: 'fsize', soft: EXAM_FSIZE, hard: EXAM_FSIZE },
    ],
    network: 'none',
    readonlyRootfs: true,
    capDrop: ['ALL'],
    noNewPrivileges: true,
    labels: label,
  };
}

export interface GatheringSink extends ByteSink {
  bytes(): Buffer;
  /** Settles once the text gathered so far contains this. */
  saw(text: string): Promise<void>;
}

/** Keeps a copy of everything. */
export function gather(): GatheringSink {
  const chunks: Buffer[] = [];
  const watchers: { text: string; tell: () => void }[] = [];
  const bytes = (): Buffer => Buffer.concat(chunks);
  return {
    bytes,
    write(chunk) {
      chunks.push(Buffer.from(chunk));
      if (watchers.length === 0) return;
      const text = bytes().toString('latin1');
      for (const watcher of watchers) if (text.includes(watcher.text)) watcher.tell();
    },
    saw: (text) =>
      new Promise((resolve) => {
        if (bytes().toString('latin1').includes(text)) resolve();
        else watchers.push({ text, tell: resolve });
      }),
  };
}

export interface CountingSink extends ByteSink {
  readonly count: number;
}

/** Counts and discards. */
export function count(): CountingSink {
  let seen = 0;
  return {
    get count() {
      return seen;
    },
    write(chunk) {
      seen += chunk.length;
    },
  };
}

export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    return error instanceof Error && 'code' in error
      ? String(error.code)
      : `not a RuntimeError: ${String(error)}`;
  }
  return 'resolved';
}
