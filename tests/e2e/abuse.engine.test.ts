import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, type ShortAnswer, textOf } from '../support/client.ts';
import { type RunningService, startServiceProcess } from '../support/start-service.ts';

const MIB = 1024 * 1024;
const CAP = 16 * MIB;
/** `[... 123 bytes omitted ...]` on a line of its own. */
const LINE = 60;

let service: RunningService;

beforeAll(async () => {
  service = await startServiceProcess();
});
afterAll(async () => {
  await service.stop();
});

/** The slowest answer of /healthz while something else goes on, in milliseconds. */
async function slowestHealth(during: Promise<unknown>): Promise<number> {
  let over = false;
  let slowest = 0;
  during.then(
    () => {
      over = true;
    },
    () => {
      over = true;
    },
  );
  while (!over) {
    const begun = performance.now();
    const response = await fetch(`${service.url}/healthz`);
    await response.text();
    slowest = Math.max(slowest, performance.now() - begun);
    await sleep(25);
  }
  return slowest;
}

const sizeOf = (answer: ShortAnswer, name: string) => answer.files.find((file) => file.name === name);

describe('abuse', () => {
  it('a fork bomb is held by its limit, ends at its time, and the service answers meanwhile', async () => {
    const code = 'bomb() { bomb | bomb & }\nbomb\nsleep 100';
    const running = run(service, { language: 'bash', code, timeoutMs: 3000 });
    const slowest = await slowestHealth(running);
    const answer = await running;
    expect(['timed_out', 'exited', 'signaled']).toContain(answer.outcome);
    expect(slowest).toBeLessThan(500);
    expect(await run(service, { language: 'bash', code: 'echo well' })).toMatchObject({ exitCode: 0 });
  });

  it('a flood of output is capped, its end kept, and the service answers meanwhile', async () => {
    const code = 'echo first line\nyes | head -c 300000000\necho last line';
    const running = run(service, { language: 'bash', code, timeoutMs: 60_000 });
    const slowest = await slowestHealth(running);
    const answer = await running;
    expect(answer).toMatchObject({ outcome: 'exited', exitCode: 0 });
    const row = sizeOf(answer, 'stdout');
    expect(row?.truncated).toBe(true);
    expect(row?.size).toBeGreaterThan(CAP);
    expect(row?.size).toBeLessThanOrEqual(CAP + LINE);
    expect(slowest).toBeLessThan(500);
    const text = await textOf(answer, 'stdout');
    expect(text.startsWith('first line\ny\n')).toBe(true);
    expect(text.endsWith('y\nlast line\n')).toBe(true);
  });

  it('`yes` without an end stops at its time with what was kept', async () => {
    const running = run(service, {
      language: 'bash',
      code: 'yes',
      timeoutMs: 3000,
      limits: { outputBytes: MIB },
    });
    const slowest = await slowestHealth(running);
    const answer = await running;
    expect(answer.outcome).toBe('timed_out');
    const row = sizeOf(answer, 'stdout');
    expect(row?.truncated).toBe(true);
    expect(row?.size).toBeLessThanOrEqual(MIB + LINE);
    expect(slowest).toBeLessThan(500);
  });

  it('`while true` ends at its limit with its partial output', async () => {
    const code = 'print("before")\nopen("half.txt", "w").write("half")\nwhile True: pass';
    const answer = await run(service, { language: 'python', code, timeoutMs: 1000 });
    expect(answer.outcome).toBe('timed_out');
    expect(await textOf(answer, 'stdout')).toBe('before\n');
    expect(await textOf(answer, 'half.txt')).toBe('half');
  });

  it('a daemon that ignores SIGTERM and outlives its parent does not outlive the run', async () => {
    const code = '(trap "" TERM; setsid sleep 1000 &)\necho parent done';
    const answer = await run(service, { language: 'bash', code });
    expect(answer).toMatchObject({ outcome: 'exited', exitCode: 0 });
    expect(await textOf(answer, 'stdout')).toBe('parent done\n');
  });
});
