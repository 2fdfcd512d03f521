import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Exam, gather } from './subject.ts';

export function describeEndings(exam: Exam): void {
  describe('endings', () => {
    it.each([0, 1, 2, 42, 125, 137, 255])('tells exit code %i, and no OOM', async (code) => {
      const { exit } = await exam.run(exam.subject.programs.exit(code));
      expect(exit).toMatchObject({ exitCode: code, oomKilled: false, outputComplete: true });
    });

    it('tells a signal of the program itself as 128+n', async () => {
      expect((await exam.run(exam.subject.programs.segfault())).exit.exitCode).toBe(139);
    });

    it('tells an OOM kill from a plain exit 137', async () => {
      for (let i = 0; i < 3; i += 1) {
        const { exit } = await exam.run(exam.subject.programs.oom());
        expect(exit).toMatchObject({ exitCode: 137, oomKilled: true });
      }
    });

    it('measures the time by the engine: start to end of the program', async () => {
      const { exit } = await exam.run(exam.subject.programs.sleep(1));
      expect(exit.exitCode).toBe(0);
      expect(exit.durationMs).toBeGreaterThan(950);
      expect(exit.durationMs).toBeLessThan(1900);
    });

    it('tells a command that does not exist as 127, one that may not be executed as 126', async () => {
      const missing = await exam.run(['no-such-command-here']);
      expect(missing.exit).toMatchObject({ exitCode: 127, oomKilled: false });
      const forbidden = await exam.run(['/etc/passwd']);
      expect(forbidden.exit).toMatchObject({ exitCode: 126, oomKilled: false });
    });

    it('gives stdin its end at once', async () => {
      expect((await exam.run(exam.subject.programs.readStdin())).stdout.toString()).toBe('0\n');
    });

    it('delivers SIGTERM to the program', async () => {
      const { exitCode, stdout } = await signalled(exam.subject.programs.trapTerm(), 'SIGTERM');
      expect({ exitCode, stdout }).toEqual({ exitCode: 5, stdout: 'ready\ngot it\n' });
    });

    it('ends a program that ignores SIGTERM by SIGKILL', async () => {
      const { runtime, programs } = exam.subject;
      const id = await runtime.create(exam.spec(programs.ignoreTerm()));
      const stdout = gather();
      const { exited } = await runtime.start(id, { stdout, stderr: gather() });
      await stdout.saw('ready');
      await runtime.kill(id, 'SIGTERM');
      const early = await Promise.race([exited, sleep(500, 'still there')]);
      expect(early).toBe('still there');
      await Promise.all([runtime.kill(id, 'SIGKILL'), runtime.kill(id, 'SIGKILL')]);
      expect(await exited).toMatchObject({ exitCode: 137, oomKilled: false, outputComplete: true });
      await runtime.remove(id);
    });

    it('ends with the program, whatever it left running in the background', async () => {
      const before = Date.now();
      const { exit, stdout } = await exam.run(exam.subject.programs.daemonise());
      expect(exit.exitCode).toBe(0);
      expect(stdout.toString()).toBe('done\n');
      expect(Date.now() - before).toBeLessThan(10_000);
    });
  });

  async function signalled(args: readonly string[], signal: 'SIGTERM' | 'SIGKILL') {
    const { runtime } = exam.subject;
    const id = await runtime.create(exam.spec(args));
    const stdout = gather();
    const { exited } = await runtime.start(id, { stdout, stderr: gather() });
    await stdout.saw('ready');
    await runtime.kill(id, signal);
    const { exitCode } = await exited;
    await runtime.remove(id);
    return { exitCode, stdout: stdout.bytes().toString() };
  }
}
