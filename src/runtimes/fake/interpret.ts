import { setTimeout as sleep } from 'node:timers/promises';
import type { FakeEnd, FakeProcess } from './program.ts';

/** One step of a script. Steps run in order; a script that ends without `exit` or `oom` exits with 0. */
export type FakeStep =
  | { readonly stdout: string; readonly times?: number; readonly base64?: boolean }
  | { readonly stderr: string; readonly times?: number; readonly base64?: boolean }
  | { readonly sleep: number }
  | { readonly hang: true }
  | { readonly ignoreTerm: true }
  /** On SIGTERM: write this to stdout, then exit with this code. */
  | { readonly onTerm: { readonly stdout: string; readonly exit: number } }
  | { readonly oom: true }
  | { readonly exit: number };

/** The command line that runs a script: `['fake', JSON]`. */
export function fakeArgs(...steps: readonly FakeStep[]): string[] {
  return ['fake', JSON.stringify(steps)];
}

/**
 * The default program: a script by `fake`, and the few commands that any image has (`echo`, `true`, `false`, `sleep`).
 * Another command is "not found" (127), a path "not executable" (126).
 */
export async function interpret(process: FakeProcess): Promise<FakeEnd | number> {
  const [command = '', ...rest] = process.spec.args;
  switch (command) {
    case 'fake':
      return await runScript(JSON.parse(rest[0] ?? '[]'), process);
    case 'echo':
      await process.write('stdout', `${rest.join(' ')}\n`);
      return 0;
    case 'true':
      return 0;
    case 'false':
      return 1;
    case 'sleep':
      await process.sleep(Number(rest[0]) * 1000);
      return 0;
    default:
      return command.startsWith('/') ? 126 : 127;
  }
}

async function runScript(steps: readonly FakeStep[], process: FakeProcess): Promise<FakeEnd | number> {
  let termEnd: number | undefined;
  let tellTermed: () => void = () => {};
  const termed = new Promise<void>((resolve) => {
    tellTermed = resolve;
  });
  for (const step of steps) {
    if ('exit' in step) return step.exit;
    if ('oom' in step) return { exitCode: 137, oomKilled: true };
    if ('ignoreTerm' in step) process.onTerm(() => {});
    else if ('onTerm' in step) {
      process.onTerm(() => {
        termEnd = step.onTerm.exit;
        void process.write('stdout', step.onTerm.stdout).then(tellTermed);
      });
    } else await Promise.race([act(step, process), termed]);
    if (termEnd !== undefined) return termEnd;
  }
  return 0;
}

async function act(
  step: Exclude<FakeStep, { exit: number } | { oom: true } | { ignoreTerm: true } | { onTerm: object }>,
  process: FakeProcess,
): Promise<void> {
  if ('sleep' in step) return await process.sleep(step.sleep);
  if ('hang' in step) return await process.hang();
  const [stream, text] =
    'stdout' in step ? (['stdout', step.stdout] as const) : (['stderr', step.stderr] as const);
  const content = step.base64 === true ? Buffer.from(text, 'base64') : Buffer.from(text, 'utf8');
  for (let time = 0; time < (step.times ?? 1); time += 1) {
    await process.write(stream, content);
    // Others get their turn during a flood.
    if (time % 1000 === 999) await sleep(0);
  }
}
