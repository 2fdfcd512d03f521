import { describe, expect, it } from 'vitest';
import { waitForContainers } from '../../support/engine.ts';
import { execute, newSession, post, type SubjectGetter, stdoutOf } from './subject.ts';

const MIB = 1024 * 1024;

export function describeEndings(subject: SubjectGetter): void {
  describe('how a program ends', () => {
    it.each([
      ['exit 0', 0],
      ['exit 3', 3],
      ['exit 255', 255],
      ['no_such_command', 127],
      ['exec /workspace/script.sh', 126],
    ])('%s: exit code %i is a result, not an error', async (code, exitCode) => {
      expect(await execute(subject(), { language: 'bash', code })).toMatchObject({
        outcome: 'exited',
        exitCode,
      });
    });

    it('an exception in Python is exit code 1 with its trace in stderr', async () => {
      const answer = await execute(subject(), { language: 'python', code: 'raise SystemError("boom")' });
      expect(answer).toMatchObject({ outcome: 'exited', exitCode: 1 });
      expect(answer.files.find(({ name }) => name === 'stderr')?.size).toBeGreaterThan(20);
    });

    it('a time-out keeps the output until then and the files', async () => {
      const code =
        'import itertools\nprint("partial")\nopen("half.txt","w").write("half")\nfor _ in itertools.count(): pass';
      const answer = await execute(subject(), { language: 'python', code, timeoutMs: 1500 });
      expect(answer).toMatchObject({ outcome: 'timed_out', limits: { timeoutMs: 1500 } });
      expect(answer.exitCode).toBeGreaterThan(128);
      expect(answer.durationMs).toBeGreaterThanOrEqual(1400);
      expect(answer.durationMs).toBeLessThan(4000);
      expect(await stdoutOf(subject(), answer)).toBe('partial\n');
      expect(answer.artifacts.outputs).toHaveProperty('half.txt');
    });

    it('a program that ignores SIGTERM is killed', async () => {
      const code = 'trap "" TERM\necho stubborn\nwhile :; do sleep 0.1; done';
      const answer = await execute(subject(), { language: 'bash', code, timeoutMs: 800 });
      expect(answer).toMatchObject({ outcome: 'timed_out', exitCode: 137, signal: 'SIGKILL' });
      expect(await stdoutOf(subject(), answer)).toBe('stubborn\n');
    });

    it('eating memory is oom_killed; a plain 137 is signaled', async () => {
      const eat =
        'print("eating", flush=True)\nopen("kept.txt","w").write("kept")\nx=[]\nwhile True: x.append(b"x"*1048576)';
      const [oom, plain] = await Promise.all([
        execute(subject(), { language: 'python', code: eat, limits: { memoryBytes: 64 * MIB } }),
        execute(subject(), { language: 'bash', code: 'kill -9 $$' }),
      ]);
      expect(oom).toMatchObject({ outcome: 'oom_killed', exitCode: 137, limits: { memoryBytes: 64 * MIB } });
      expect(await stdoutOf(subject(), oom)).toBe('eating\n');
      expect(oom.artifacts.outputs).toHaveProperty('kept.txt');
      expect(plain).toMatchObject({ outcome: 'signaled', exitCode: 137, signal: 'SIGKILL' });
    });

    it('a crash is signaled with the signal’s name', async () => {
      const code = 'import ctypes\nctypes.string_at(0)';
      const answer = await execute(subject(), { language: 'python', code });
      expect(answer).toMatchObject({ outcome: 'signaled', exitCode: 139, signal: 'SIGSEGV' });
      expect(Object.keys(answer.artifacts.outputs).sort()).toEqual(['stderr', 'stdout']);
    });

    it('taking too much disk is disk_limit', async () => {
      const code = 'for i in $(seq 200); do head -c 1M /dev/zero > "f$i"; sleep 0.05; done';
      const answer = await execute(subject(), { language: 'bash', code, limits: { diskBytes: 8 * MIB } });
      expect(answer).toMatchObject({ outcome: 'disk_limit', limits: { diskBytes: 8 * MIB } });
    });

    it('limits are brought within the operator’s policy, and the answer tells which were applied', async () => {
      const asked = {
        memoryBytes: 2 ** 40,
        cpus: 64,
        pids: 100_000,
        outputBytes: 2 ** 40,
        diskBytes: 2 ** 45,
      };
      const [high, low] = await Promise.all([
        execute(subject(), { language: 'bash', code: 'true', timeoutMs: 10_000_000, limits: asked }),
        execute(subject(), {
          language: 'bash',
          code: 'true',
          limits: { memoryBytes: 1, cpus: 0.0001, pids: 1 },
        }),
      ]);
      expect(high.limits).toEqual({
        timeoutMs: 60_000,
        memoryBytes: 512 * MIB,
        cpus: 0.5,
        pids: 128,
        outputBytes: 16 * MIB,
        diskBytes: 1024 * MIB,
      });
      expect(low.limits).toMatchObject({ memoryBytes: 32 * MIB, cpus: 0.05, pids: 4 });
    });

    it('more output than is kept never ends the program; the rest is counted', async () => {
      const code = 'head -c 5000 /dev/zero | tr "\\0" a; echo; echo last; echo done > done.txt';
      const answer = await execute(subject(), { language: 'bash', code, limits: { outputBytes: 400 } });
      expect(answer).toMatchObject({ outcome: 'exited', exitCode: 0 });
      const row = answer.files.find(({ name }) => name === 'stdout');
      expect(row).toMatchObject({ truncated: true, omittedBytes: 5006 - 400 });
      const text = await stdoutOf(subject(), answer);
      expect(text).toBe(`${'a'.repeat(300)}\n[... 4606 bytes omitted ...]\n${'a'.repeat(94)}\nlast\n`);
      expect(answer.artifacts.outputs).toHaveProperty('done.txt');
    });

    it('bytes that are no UTF-8 come back as they were written', async () => {
      const answer = await execute(subject(), { language: 'bash', code: `printf '\\377\\000\\302'` });
      const response = await subject().fetch(answer.artifacts.outputs.stdout ?? '');
      expect([...Buffer.from(await response.arrayBuffer())]).toEqual([255, 0, 0xc2]);
    });

    it('a client that goes away cancels its run within two seconds', async () => {
      const client = new AbortController();
      const body = { tool: 'code_execution', sessionId: newSession(), language: 'bash', code: 'sleep 50' };
      const request = post(subject(), '/tools/execute', body, { signal: client.signal });
      request.catch(() => {});
      await waitForContainers(subject().instanceId, 1, 10_000);
      client.abort();
      await expect(request).rejects.toThrow();
      await waitForContainers(subject().instanceId, 0, 2000);
    });
  });
}
