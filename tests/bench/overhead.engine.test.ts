import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DOCKER, PODMAN, settingsFor, type TestEngine, titleFor } from '../support/engine.ts';
import { LONG } from '../support/rounds.ts';
import { type RunningService, startServiceProcess } from '../support/start-service.ts';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.ts';
import { recordEngine } from './engine-recorder.ts';
import { createRawEngine, type RawEngine } from './raw-engine.ts';

const PAIRS = LONG ? 60 : 15;
const PROMISED_RATIO = 1.15;
/** A machine that does other things meanwhile gets twice the room. */
const MOST = LONG ? PROMISED_RATIO : 1.3;
const HELLO = { sessionId: 'bench', language: 'python', code: "print('hi')" };

describe.each([DOCKER, PODMAN])('$name', (engine) => {
  const title = `a Python hello over HTTP takes at most ${MOST} times the bare engine calls`;

  describe.skipIf(engine.obstacle !== undefined)(titleFor(title, engine), () => {
    const folder = makeTemporaryFolder('bench');
    let service: RunningService;
    let raw: RawEngine;
    let createBody: unknown;

    beforeAll(async () => {
      createBody = await recordCreateBody(folder, engine);
      raw = createRawEngine(engine);
      service = await startServiceProcess({ engine });
    });
    afterAll(async () => {
      raw?.close();
      await service?.stop();
      removeFolder(folder);
    });

    it(`in the median of ${PAIRS} pairs`, async () => {
      const bare: number[] = [];
      const ours: number[] = [];
      for (let pair = -2; pair < PAIRS; pair += 1) {
        const a = await timed(async () => expect((await raw.run(createBody)).exitCode).toBe(0));
        const b = await timed(() => run(service.url));
        if (pair < 0) continue;
        bare.push(a);
        ours.push(b);
      }
      const [bareMs, oursMs] = [median(bare), median(ours)];
      const ratio = oursMs / bareMs;
      console.log(
        `${engine.name}: bare engine calls ${bareMs.toFixed(0)} ms, over HTTP ${oursMs.toFixed(0)} ms, ratio ${ratio.toFixed(3)}, ${PAIRS} pairs`,
      );
      expect(ratio).toBeLessThanOrEqual(MOST);
    });
  });
});

/** The body of our own create call, taken from the wire, with the folder of a finished job of ours behind its mount. */
async function recordCreateBody(folder: string, engine: TestEngine): Promise<unknown> {
  const between: TestEngine = { ...engine, socketPath: join(folder, 'engine.sock') };
  const recorder = await recordEngine(between.socketPath, engine.socketPath);
  const storageRoot = join(folder, 'storage');
  const recorded = await startServiceProcess({ storageRoot, engine, env: settingsFor(between) });
  await run(recorded.url);
  await recorded.stop();
  await recorder.close();
  const body = recorder.createBodies.at(-1);
  if (body === undefined) throw new Error('no create call went through the recorder');
  return body;
}

async function run(url: string): Promise<void> {
  const response = await fetch(`${url}/run`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(HELLO),
  });
  const answer = (await response.json()) as { exitCode?: number };
  expect(answer.exitCode).toBe(0);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
