import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { demuxStream, FrameError } from '../../src/runtimes/shared/demux-stream.ts';
import { toFrame } from '../support/scripted-engine.ts';

type Streams = Record<'stdout' | 'stderr' | 'engine', Buffer>;

async function* from(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function decode(
  chunks: readonly Uint8Array[],
): Promise<{ streams: Streams; error: unknown; pieces: number }> {
  const parts: Record<keyof Streams, Uint8Array[]> = { stdout: [], stderr: [], engine: [] };
  let error: unknown;
  let pieces = 0;
  try {
    for await (const { stream, bytes } of demuxStream(from(chunks))) {
      parts[stream].push(bytes);
      pieces += 1;
    }
  } catch (thrown) {
    error = thrown;
  }
  const streams = {
    stdout: Buffer.concat(parts.stdout),
    stderr: Buffer.concat(parts.stderr),
    engine: Buffer.concat(parts.engine),
  };
  return { streams, error, pieces };
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const size = sizes[i % sizes.length] ?? 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

describe('demuxStream', () => {
  it('gives the same bytes for any frames cut in any way', async () => {
    const frames = fc.array(fc.tuple(fc.constantFrom(1, 2, 3), fc.uint8Array({ maxLength: 40 })), {
      maxLength: 30,
    });
    const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(frames, sizes, async (sent, chunkSizes) => {
        const { streams, error } = await decode(
          cut(Buffer.concat(sent.map(([kind, bytes]) => toFrame(kind, bytes))), chunkSizes),
        );
        const of = (kind: number) =>
          Buffer.concat(sent.filter(([k]) => k === kind).map(([, bytes]) => bytes));
        expect(error).toBeUndefined();
        expect(streams).toEqual({ stdout: of(1), stderr: of(2), engine: of(3) });
      }),
    );
  });

  it('takes 200,000 tiny frames in one chunk, in linear time', async () => {
    const chunk = Buffer.concat(
      Array.from({ length: 200_000 }, (_, i) => toFrame((i % 2) + 1, Buffer.of(i % 256))),
    );
    const before = performance.now();
    const { streams } = await decode([chunk]);
    expect([streams.stdout.length, streams.stderr.length]).toEqual([100_000, 100_000]);
    expect(performance.now() - before).toBeLessThan(3000);
  });

  it('takes one frame of 50 MB in chunks of 1 KB without holding it back', async () => {
    const chunks = cut(toFrame(1, Buffer.alloc(50_000_000)), [1024]);
    const before = performance.now();
    const { streams, pieces } = await decode(chunks);
    expect(streams.stdout.length).toBe(50_000_000);
    expect(pieces).toBeGreaterThan(48_000);
    expect(performance.now() - before).toBeLessThan(3000);
  });

  it.each([1, 7, 8, 10])(
    'delivers what came of a last frame that is cut after %i bytes, then throws',
    async (length) => {
      const { streams, error } = await decode([
        toFrame(2, Buffer.from('whole')),
        toFrame(1, Buffer.from('part')).subarray(0, length),
      ]);
      expect(error).toBeInstanceOf(FrameError);
      expect(streams.stderr.toString()).toBe('whole');
      expect(streams.stdout.toString()).toBe('part'.slice(0, Math.max(0, length - 8)));
    },
  );

  it('keeps the words of the engine (kind 3) apart, and goes on after them', async () => {
    const sent = [
      toFrame(1, Buffer.from('a')),
      toFrame(3, Buffer.from('sorry')),
      toFrame(2, Buffer.from('b')),
    ];
    const { streams, error } = await decode(cut(Buffer.concat(sent), [3]));
    expect(error).toBeUndefined();
    expect([streams.stdout, streams.stderr, streams.engine].map(String)).toEqual(['a', 'b', 'sorry']);
  });

  it.each([4, 72, 255])('rejects the unknown kind %i after all that came before it', async (kind) => {
    const { streams, error } = await decode([toFrame(1, Buffer.from('a')), toFrame(kind, Buffer.from('x'))]);
    expect(error).toBeInstanceOf(FrameError);
    expect(streams.stdout.toString()).toBe('a');
  });

  it('reads no further than its consumer', async () => {
    let read = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      for (; read < 100; ) {
        read += 1;
        yield toFrame(1, Buffer.of(read));
      }
    }
    const pieces = demuxStream(source());
    await pieces.next();
    await pieces.next();
    expect(read).toBe(2);
    await pieces.return();
  });
});
