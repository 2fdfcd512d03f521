import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send } from '../support/client.ts';
import { DOCKER, PODMAN, titleFor, waitForContainers } from '../support/engine.ts';
import { LONG } from '../support/rounds.ts';
import { type RunningService, startServiceProcess } from '../support/start-service.ts';
import { waitFor } from '../support/wait-for.ts';

const ROUNDS = LONG ? 20 : 3;
const PROMISED_MS = 2000;
/** A machine that does other things meanwhile gets twice the time. */
const MOST_MS = LONG ? PROMISED_MS : 2 * PROMISED_MS;
const TIMEOUT_MS = 500;
/** It lives for as long as it can. */
const STUBBORN = { language: 'bash', code: 'trap "" TERM; echo begun; while :; do sleep 0.1; done' };

describe.each([DOCKER, PODMAN])('$name', (engine) => {
  const title = `a run that nobody wants any more is dead and removed within ${MOST_MS} ms`;

  describe.skipIf(engine.obstacle !== undefined)(titleFor(title, engine), () => {
    let service: RunningService;

    beforeAll(async () => {
      service = await startServiceProcess({ engine });
    });
    afterAll(async () => {
      await service?.stop();
    });

    /** Starts it and resolves, once its program runs, with its id. */
    const start = async (fields: object = {}): Promise<string> => {
      const response = await send(
        service,
        { ...STUBBORN, ...fields },
        { headers: { Prefer: 'respond-async' } },
      );
      const { id } = (await response.json()) as { id: string };
      await waitFor(async () => (await statusOf(id)) === 'running', 20_000);
      return id;
    };

    const statusOf = async (id: string): Promise<string> =>
      ((await (await fetch(`${service.url}/jobs/${id}`)).json()) as { status: string }).status;

    /** The longest of some times from a moment until the engine knows of no container. */
    const worstOf = async (what: string, begin: () => Promise<number>): Promise<void> => {
      const times: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const begun = await begin();
        await waitForContainers(service.instanceId, 0, 20_000);
        times.push(performance.now() - begun);
      }
      const [least, most] = [Math.min(...times), Math.max(...times)];
      console.log(`${engine.name}, ${what}: ${least.toFixed(0)} to ${most.toFixed(0)} ms, ${ROUNDS} rounds`);
      expect(most).toBeLessThanOrEqual(MOST_MS);
    };

    it('after it was cancelled', () =>
      worstOf('cancel', async () => {
        const id = await start();
        const begun = performance.now();
        await fetch(`${service.url}/jobs/${id}`, { method: 'DELETE' });
        return begun;
      }));

    it('after its client went away', () =>
      worstOf('disconnect', async () => {
        const client = new AbortController();
        const request = send(service, STUBBORN, { signal: client.signal });
        request.catch(() => {});
        await waitForContainers(service.instanceId, 1, 20_000);
        client.abort();
        return performance.now();
      }));

    it('after its time was over', () =>
      worstOf('time-out', async () => {
        await start({ timeoutMs: TIMEOUT_MS });
        return performance.now() + TIMEOUT_MS;
      }));
  });
});
