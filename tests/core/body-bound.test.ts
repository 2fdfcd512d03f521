import { describe, expect, it } from 'vitest';
import { withResolvers } from '../../src/core/abort.ts';
import { createBodyBound } from '../../src/core/http/body-bound.ts';

const MIB = 1024 * 1024;
const LARGEST = 32 * MIB;

/** A bound, and what is held until it's let go. */
function open(callers: readonly string[] = [], most = 1000) {
  const bound = createBodyBound({ most, maxBodyBytes: LARGEST, callers });
  const hold = (caller: string | undefined, length?: number) => {
    const { promise: done, resolve: letGo } = withResolvers<void>();
    let refused: unknown;
    const held = bound(caller, length, () => done).catch((error) => {
      refused = error;
    });
    return {
      async letGo() {
        letGo();
        await held;
      },
      /** The code of the refusal; `undefined` when it was let in. */
      async code() {
        await Promise.resolve();
        await new Promise((resolve) => setImmediate(resolve));
        return (refused as { code: string } | undefined)?.code;
      },
    };
  };
  return { bound, hold };
}

describe('bytes of bodies', () => {
  it('are bounded by eight of the largest; small bodies are let in all the same', async () => {
    const { hold } = open();
    const large = Array.from({ length: 8 }, () => hold(undefined, LARGEST));
    expect(await Promise.all(large.map((each) => each.code()))).toEqual(Array(8).fill(undefined));
    expect(await hold(undefined, 65 * 1024).code()).toBe('overloaded');
    const small = Array.from({ length: 500 }, () => hold(undefined, 64 * 1024));
    expect(new Set(await Promise.all(small.map((each) => each.code())))).toEqual(new Set([undefined]));
    await large[0]?.letGo();
    expect(await hold(undefined, LARGEST).code()).toBeUndefined();
  });

  it('a limit that makes bodies small leaves 256 MiB', async () => {
    const bound = createBodyBound({ most: 2000, maxBodyBytes: MIB, callers: [] });
    const never = (): Promise<never> => new Promise(() => {});
    for (let n = 0; n < 256; n += 1) void bound(undefined, MIB, never);
    await expect(bound(undefined, MIB, never)).rejects.toMatchObject({ code: 'overloaded' });
  });

  it('of several callers one has half', async () => {
    const { hold } = open(['anna', 'bob']);
    for (let n = 0; n < 4; n += 1) hold('anna', LARGEST);
    expect(await hold('anna', LARGEST).code()).toBe('rate_limited');
    for (let n = 0; n < 4; n += 1) expect(await hold('bob', LARGEST).code()).toBeUndefined();
    expect(await hold('bob', LARGEST).code()).toBe('overloaded');
  });

  it('a body declared larger than the largest counts as that: the rest is thrown away', async () => {
    const { hold } = open();
    for (let n = 0; n < 8; n += 1) expect(await hold(undefined, 10 * LARGEST).code()).toBeUndefined();
  });

  it('of a body without a length count as they come, and the connection ends with the refusal', async () => {
    const { bound, hold } = open();
    for (let n = 0; n < 7; n += 1) hold(undefined, LARGEST);
    await bound(undefined, undefined, async (body) => {
      body.grown(LARGEST - MIB);
      await expect(bound(undefined, 2 * MIB, async () => {})).rejects.toMatchObject({ code: 'overloaded' });
      await bound(undefined, undefined, async (other) => {
        other.grown(64 * 1024);
        other.grown(MIB);
        expect(() => other.grown(MIB + 1)).toThrow(
          expect.objectContaining({ code: 'overloaded', headers: { Connection: 'close' } }),
        );
      });
    });
    expect(await hold(undefined, LARGEST).code()).toBeUndefined();
  });

  it('count until the job that was made of them has ended, however it ends; the request doesn’t', async () => {
    const { bound } = open([], 1);
    const jobs = Array.from({ length: 8 }, () => withResolvers<void>());
    for (const { promise } of jobs) await bound(undefined, LARGEST, async (body) => body.livesUntil(promise));
    await expect(bound(undefined, LARGEST, async () => {})).rejects.toMatchObject({ code: 'overloaded' });
    jobs[0]?.resolve();
    jobs[1]?.reject(new Error('ended'));
    await new Promise((resolve) => setImmediate(resolve));
    for (const { promise } of [withResolvers<void>(), withResolvers<void>()])
      await bound(undefined, LARGEST, async (body) => body.livesUntil(promise));
    await expect(bound(undefined, LARGEST, async () => {})).rejects.toMatchObject({ code: 'overloaded' });
  });

  it('of a request that failed are given back', async () => {
    const { bound } = open();
    const failing = async (): Promise<never> => {
      throw new Error('no JSON');
    };
    for (let n = 0; n < 20; n += 1)
      await expect(bound(undefined, LARGEST, failing)).rejects.toThrow('no JSON');
  });
});
