import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { run, type ShortAnswer, send, textOf } from '../support/client.ts';
import { waitForContainers } from '../support/engine.ts';
import { LONG } from '../support/rounds.ts';
import { type RunningService, type ServiceOptions, startServiceProcess } from '../support/start-service.ts';
import { waitFor } from '../support/wait-for.ts';

const MIB = 1024 * 1024;
const MB = (bytes: number): string => (bytes / MIB).toFixed(1);

let service: RunningService | undefined;

afterEach(async () => {
  await service?.stop();
  service = undefined;
});

async function start(options: ServiceOptions): Promise<RunningService> {
  service = await startServiceProcess(options);
  return service;
}

describe('more requests than there is room for', () => {
  it('200 at once at a limit of four: never a fifth program runs, and who is refused is told when to come again', async () => {
    const { url } = await start({ env: { AA_MAX_RUNNING: '4', AA_MAX_QUEUED: '50' } });
    const code = 'date +%s%N; sleep 0.1; date +%s%N';
    const responses = await Promise.all(
      Array.from({ length: 200 }, () => send({ url }, { language: 'bash', code })),
    );
    const statuses = responses.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(54);
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
    for (const { status, headers } of responses) {
      if (status === 503) expect(headers.get('retry-after')).toMatch(/^[1-9]\d?$/);
    }
    const ran = responses.filter(({ status }) => status === 200);
    const answers = await Promise.all(ran.map(async (response) => (await response.json()) as ShortAnswer));
    const texts = await Promise.all(answers.map((answer) => textOf(answer, 'stdout')));
    // By the programs' own clock, which is the machine's: what a look from outside could miss.
    const moments = texts.flatMap((text) => {
      const [begun = '', ended = ''] = text.split('\n');
      return [
        { at: BigInt(begun), change: 1 },
        { at: BigInt(ended), change: -1 },
      ];
    });
    let running = 0;
    let most = 0;
    for (const { change } of moments.sort((a, b) => (a.at < b.at ? -1 : 1))) {
      running += change;
      most = Math.max(most, running);
    }
    expect(most).toBeLessThanOrEqual(4);
    expect(most).toBeGreaterThan(1);
    expect(await (await fetch(`${url}/jobs?status=queued`)).json()).toEqual({ jobs: [] });
  });

  it('one key floods: another’s jobs wait for one turn, not for the flood', async () => {
    const keys = { anna: 'a'.repeat(24), bob: 'b'.repeat(24) };
    const { url } = await start({
      env: {
        AA_MAX_RUNNING: '4',
        AA_MAX_QUEUED: '64',
        AA_API_KEYS: `anna:${keys.anna},bob:${keys.bob}`,
      },
    });
    const ask = async (key: string): Promise<number> => {
      const response = await fetch(`${url}/run`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
        body: JSON.stringify({ sessionId: 's', language: 'bash', code: 'sleep 0.3' }),
      });
      if (response.status === 429) return -1;
      const answer = (await response.json()) as { timings: { queue: number } };
      return answer.timings.queue;
    };
    const flood = Promise.all(Array.from({ length: 80 }, () => ask(keys.anna)));
    await sleep(1000);
    const waits: number[] = [];
    for (let n = 0; n < 5; n += 1) waits.push(await ask(keys.bob));
    const floodWaits = (await flood).filter((wait) => wait >= 0);
    const refused = 80 - floodWaits.length;
    const longest = Math.max(...floodWaits);
    console.info(
      `waits in ms: bob ${waits.join(', ')}; anna up to ${longest}, ${refused} of hers refused with 429`,
    );
    expect(refused).toBeGreaterThan(0);
    expect(Math.max(...waits)).toBeLessThan(longest / 2);
  });
});

describe.each(['node', 'bun'] as const)('slow readers on %s', (on) => {
  it('of a flood cost no memory, whoever they are and however many', async () => {
    const { url, child } = await start({ on });
    // The head of the stream is 12 MiB; each reader is sent all of it.
    const code = 'head -c 20000000 /dev/zero | tr "\\0" a';
    const { id } = await run({ url }, { language: 'bash', code });
    await run({ url }, { language: 'bash', code: 'true' });
    const before = rss(child.pid);
    const readers = Array.from({ length: 30 }, () => readSlowly(`${url}/jobs/${id}/events`));
    // Until then the system's own buffers of 30 connections fill, and what passed through us is collected.
    await sleep(3000);
    const filled = rss(child.pid);
    let most = filled;
    for (let n = 0; n < (LONG ? 120 : 12); n += 1) {
      await sleep(250);
      most = Math.max(most, rss(child.pid));
    }
    const received = readers.map((reader) => reader.received());
    for (const { close } of readers) close();
    console.info(`30 slow readers on ${on}: ${MB(filled)} MiB, then ${MB(most)} at most`);
    expect(Math.min(...received)).toBeGreaterThan(0);
    expect(most - filled).toBeLessThan(16 * MIB);
    // Were the events not held back, they would be 30 times 12 MiB in memory by now.
    expect(most - before).toBeLessThan(180 * MIB);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('of a running flood hold it up for nobody: the program ends in its own time', async () => {
    const { url, instanceId } = await start({ on });
    const response = await fetch(`${url}/run`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Prefer: 'respond-async' },
      body: JSON.stringify({
        sessionId: 's',
        language: 'bash',
        code: 'sleep 1; head -c 30000000 /dev/zero | tr "\\0" a',
      }),
    });
    const { id } = (await response.json()) as { id: string };
    const readers = Array.from({ length: 10 }, () => readSlowly(`${url}/jobs/${id}/events`));
    await waitForContainers(instanceId, 1, 10_000);
    const get = async () => (await (await fetch(`${url}/jobs/${id}`)).json()) as Record<string, unknown>;
    await waitFor(async () => (await get()).status === 'stopped', 15_000);
    expect(await get()).toMatchObject({ outcome: 'exited', exitCode: 0 });
    for (const { close } of readers) close();
  });
});

/** Takes about a kilobyte a second off a socket that buffers as little as the system lets it. */
function readSlowly(url: string): { received(): number; close(): void } {
  let received = 0;
  let timer: NodeJS.Timeout | undefined;
  const call = request(url, (response) => {
    response.pause();
    response.on('error', () => {});
    timer = setInterval(() => {
      const chunk: Buffer | null = response.read(1024) ?? response.read();
      received += chunk?.length ?? 0;
    }, 1000);
  });
  call.on('error', () => {});
  call.end();
  return {
    received: () => received,
    close: () => {
      clearInterval(timer);
      call.destroy();
    },
  };
}

/** Bytes of memory that a process has. */
function rss(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
