import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ByteSink, ContainerExit } from '../../../src/core/container-runtime.ts';
import { tenth } from '../../support/rounds.ts';
import { count, type Exam, gather } from './subject.ts';

const MEGABYTE = 1_000_000;

export function describeOutput(exam: Exam): void {
  const runInto = async (
    args: readonly string[],
    stdout: ByteSink,
    stderr: ByteSink,
  ): Promise<ContainerExit> => {
    const { runtime } = exam.subject;
    const id = await runtime.create(exam.spec(args));
    try {
      return await (await runtime.start(id, { stdout, stderr })).exited;
    } finally {
      await runtime.remove(id);
    }
  };

  describe('output', () => {
    it(`loses no byte and no exit code in ${tenth(500)} runs of a program that ends at once`, {
      timeout: 600_000,
    }, async () => {
      const { programs } = exam.subject;
      const failures: unknown[] = [];
      let next = 0;
      const worker = async () => {
        for (let i = next++; i < tenth(500); i = next++) {
          const { exit, stdout, stderr } = await exam.run(programs.print(`run ${i}\n`));
          const right = exit.exitCode === 0 && exit.outputComplete && stderr.length === 0;
          if (!right || stdout.toString() !== `run ${i}\n`)
            failures.push({ i, exit, stdout: stdout.toString() });
        }
      };
      await Promise.all([worker(), worker(), worker(), worker()]);
      expect(failures).toEqual([]);
    });

    it('keeps every byte of 10,000 one-byte writes', async () => {
      const { stdout, exit } = await exam.run(exam.subject.programs.tinyWrites(10_000));
      expect(stdout.equals(Buffer.from(Array.from({ length: 10_000 }, (_, i) => i % 256)))).toBe(true);
      expect(exit.outputComplete).toBe(true);
    });

    it('keeps the streams apart and each in order', async () => {
      const { stdout, stderr } = await exam.run(exam.subject.programs.interleave(5000));
      const lines = (letter: string) => Array.from({ length: 5000 }, (_, i) => `${letter}${i}\n`).join('');
      expect(stdout.toString() === lines('o')).toBe(true);
      expect(stderr.toString() === lines('e')).toBe(true);
    });

    it('passes 300 MB through with the memory of this process flat', { timeout: 300_000 }, async () => {
      const args = exam.subject.programs.flood('stdout', 300 * MEGABYTE);
      await runInto(exam.subject.programs.flood('stdout', 20 * MEGABYTE), count(), count());
      const before = process.memoryUsage.rss();
      let highest = before;
      const sampling = setInterval(() => {
        highest = Math.max(highest, process.memoryUsage.rss());
      }, 20);
      const [stdout, stderr] = [count(), gather()];
      const exit = await runInto(args, stdout, stderr);
      clearInterval(sampling);
      expect(exit).toMatchObject({ exitCode: 0, outputComplete: true });
      expect(stdout.count).toBe(300 * MEGABYTE);
      expect(stderr.bytes().toString()).toBe('last\n');
      expect(highest - before).toBeLessThan(64 * 1024 * 1024);
    });

    it(`finds one line of stdout beside ${tenth(300)} MB of stderr`, { timeout: 300_000 }, async () => {
      const [stdout, stderr] = [gather(), count()];
      const bytes = tenth(300) * MEGABYTE;
      await runInto(exam.subject.programs.flood('stderr', bytes), stdout, stderr);
      expect(stdout.bytes().toString()).toBe('last\n');
      expect(stderr.count).toBe(bytes);
    });

    it('waits for a slow sink one write at a time, and loses nothing of the other stream', async () => {
      let [writing, overlapped, seen] = [false, false, 0];
      const slow: ByteSink = {
        async write(chunk) {
          overlapped ||= writing;
          writing = true;
          await sleep(5);
          seen += chunk.length;
          writing = false;
        },
      };
      const stderr = gather();
      const exit = await runInto(exam.subject.programs.flood('stdout', 8 * MEGABYTE), slow, stderr);
      expect({ overlapped, writing, seen }).toEqual({
        overlapped: false,
        writing: false,
        seen: 8 * MEGABYTE,
      });
      expect(stderr.bytes().toString()).toBe('last\n');
      expect(exit.outputComplete).toBe(true);
    });

    it('gives the other stream on while one sink holds a single write for 3 s', async () => {
      let taken = 0;
      const stderr = gather();
      const stuck: ByteSink = {
        write(chunk) {
          const first = taken === 0;
          taken += chunk.length;
          return first ? sleep(3000) : undefined;
        },
      };
      const exit = await runInto(exam.subject.programs.flood('stdout', 2 * MEGABYTE), stuck, stderr);
      expect(taken).toBe(2 * MEGABYTE);
      expect(stderr.bytes().toString()).toBe('last\n');
      expect(exit.outputComplete).toBe(true);
    });

    it('says that output is missing when a sink fails, and still tells the end', async () => {
      const failing: ByteSink = {
        write() {
          throw new Error('disk full');
        },
      };
      const stderr = gather();
      const exit = await runInto(exam.subject.programs.flood('stdout', MEGABYTE), failing, stderr);
      expect(exit).toMatchObject({ exitCode: 0, outputComplete: false });
      expect(stderr.bytes().toString()).toBe('last\n');
    });

    it('keeps 8 runs at once apart', { timeout: 120_000 }, async () => {
      const { programs } = exam.subject;
      const runs = await Promise.all(
        Array.from({ length: 8 }, (_, i) => exam.run(programs.print(`out ${i}`, `err ${i}`))),
      );
      expect(runs.map(({ stdout, stderr }) => `${stdout} ${stderr}`)).toEqual(
        Array.from({ length: 8 }, (_, i) => `out ${i} err ${i}`),
      );
    });
  });
}
