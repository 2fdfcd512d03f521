import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createOutputCollector, omissionLine, openStreams } from '../../src/core/output-collector.ts';
import type { StreamName } from '../../src/core/workspace.ts';
import { createMemoryOutput, type MemoryOutput } from '../support/memory-output.ts';

const encoder = new TextEncoder();

/** What the file must hold: the whole stream, or its first three quarters, one line, and its last quarter. */
function model(stream: Uint8Array, cap: number): Uint8Array {
  if (stream.length <= cap) return stream;
  const tail = Math.floor(cap / 4);
  const head = cap - tail;
  const startsLine = head === 0 || stream[head - 1] === 10;
  const line = encoder.encode((startsLine ? '' : '\n') + omissionLine(stream.length - cap));
  return Buffer.concat([stream.subarray(0, head), line, stream.subarray(stream.length - tail)]);
}

function cut(stream: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(stream.subarray(at, at + size));
    at += size;
  }
  chunks.push(stream.subarray(at));
  return chunks;
}

async function collect(
  chunks: readonly Uint8Array[],
  cap: number,
  file: MemoryOutput = createMemoryOutput(),
) {
  const collector = createOutputCollector(file, cap);
  for (const chunk of chunks) {
    // A chunk is the collector's only during the call: afterwards the caller reuses it.
    const lent = Uint8Array.from(chunk);
    await collector.write(lent);
    lent.fill(0xee);
  }
  return { result: await collector.finish(), bytes: file.bytes(), file };
}

const stream = fc
  .array(fc.constantFrom<number[]>(10, 65, 66, 67, 200), { maxLength: 300 })
  .map((all) => Uint8Array.from(all));

describe('output collector', () => {
  it('keeps what the model keeps, whatever the chunks and the cap', async () => {
    const sizes = fc.array(fc.nat({ max: 90 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(stream, sizes, fc.nat({ max: 150 }), async (bytes, lengths, cap) => {
        const { result, bytes: kept } = await collect(cut(bytes, lengths), cap);
        expect(Buffer.from(kept).toString('latin1')).toBe(Buffer.from(model(bytes, cap)).toString('latin1'));
        const omittedBytes = Math.max(0, bytes.length - cap);
        expect(result).toMatchObject({ truncated: omittedBytes > 0, omittedBytes });
        const { tail } = result;
        expect(tail?.length).toBe(omittedBytes > 0 ? Math.floor(cap / 4) : undefined);
        if (tail !== undefined) expect(tail.start + tail.length).toBe(kept.length);
      }),
      {
        numRuns: 500,
        // The last chunk is longer than the ring, which nothing has gone round in yet.
        examples: [[new Uint8Array(9).fill(10), [6], 8]],
      },
    );
  });

  it('stores at most the cap and one line', async () => {
    await fc.assert(
      fc.asyncProperty(stream, fc.integer({ min: 1, max: 100 }), async (bytes, cap) => {
        const { bytes: kept, result } = await collect([bytes], cap);
        expect(kept.length).toBeLessThanOrEqual(cap + 1 + omissionLine(result.omittedBytes ?? 0).length);
      }),
    );
  });

  it('an empty stream is an empty file', async () => {
    const { result, bytes, file } = await collect([], 100);
    expect(bytes).toHaveLength(0);
    expect(result).toEqual({ truncated: false, omittedBytes: 0 });
    expect(file.isClosed()).toBe(true);
  });

  it('counts the rest on one line of its own between head and tail', async () => {
    const text = `${'a'.repeat(74)}\n${'b'.repeat(1000)}${'c'.repeat(25)}`;
    const { bytes } = await collect([encoder.encode(text)], 100);
    expect(new TextDecoder().decode(bytes)).toBe(
      `${'a'.repeat(74)}\n[... 1000 bytes omitted ...]\n${'c'.repeat(25)}`,
    );
  });

  it('takes the stream to its end though the file fails, and tells the first failure at the end', async () => {
    const file = createMemoryOutput();
    const collector = createOutputCollector(file, 100);
    await collector.write(encoder.encode('one'));
    file.failWith(new Error('disk full'));
    await collector.write(encoder.encode('two'));
    file.failWith(new Error('another'));
    await collector.write(encoder.encode('three'));
    await expect(collector.finish()).rejects.toThrow('disk full');
    expect(file.isClosed()).toBe(true);
  });

  it('tells what lies in the file, part by part, and nothing after a failure', async () => {
    const file = createMemoryOutput({ free: 10, writesParts: true });
    const told: string[] = [];
    const collector = createOutputCollector(file, 12, (part) => told.push(new TextDecoder().decode(part)));
    await collector.write(encoder.encode('01234'));
    await collector.write(encoder.encode('56789ab'));
    await collector.write(encoder.encode('c'));
    expect(told).toEqual(['01234', '5678']);
    expect(new TextDecoder().decode(file.bytes())).toBe('0123456789');
    await expect(collector.finish()).rejects.toThrow('disk full');
  });

  it('lets a write that is under way come to its end before it puts the file in order, and drops later ones', async () => {
    const file = createMemoryOutput();
    const slow = {
      ...file,
      async write(bytes: Uint8Array, position: number) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        await file.write(bytes, position);
      },
    };
    const collector = createOutputCollector(slow, 8);
    await collector.write(encoder.encode('0123456'));
    const late = collector.write(encoder.encode('789ab'));
    const finished = collector.finish();
    await collector.write(encoder.encode('too late'));
    expect(await finished).toMatchObject({ omittedBytes: 4 });
    await late;
    expect(new TextDecoder().decode(file.bytes())).toBe('012345\n[... 4 bytes omitted ...]\nab');
  });

  it('writes few times, whatever a chunk is to the cap', async () => {
    const file = createMemoryOutput();
    let writes = 0;
    const counting = {
      ...file,
      write(bytes: Uint8Array, position: number) {
        writes += 1;
        return file.write(bytes, position);
      },
    };
    const collector = createOutputCollector(counting, 100);
    await collector.write(new Uint8Array(100_000).fill(65));
    await collector.write(new Uint8Array(100_000).fill(66));
    await collector.finish();
    expect(new TextDecoder().decode(file.bytes().slice(-26))).toBe(`\n${'B'.repeat(25)}`);
    // The head, at most two parts of the ring for each chunk and one more where it wraps, and the end.
    expect(writes).toBeLessThanOrEqual(8);
  });

  it('300 MB pass in flat memory', async () => {
    const cap = 16 * 1024 * 1024;
    const chunk = new Uint8Array(64 * 1024).fill(65);
    const file = createMemoryOutput();
    const collector = createOutputCollector(file, cap);
    for (let n = 0; n < 512; n += 1) await collector.write(chunk);
    const before = process.memoryUsage().rss;
    for (let n = 512; n < 4800; n += 1) await collector.write(chunk);
    const grown = process.memoryUsage().rss - before;
    const { omittedBytes } = await collector.finish();
    expect(omittedBytes).toBe(4800 * chunk.length - cap);
    expect(grown).toBeLessThan(64 * 1024 * 1024);
  });
});

describe('two streams', () => {
  it('are kept apart, each with a cap of its own', async () => {
    const files = { stdout: createMemoryOutput(), stderr: createMemoryOutput() };
    const streams = await openStreams({ openOutput: async (name) => files[name as StreamName] }, 8, () => {});
    await Promise.all([
      streams.stdout.write(encoder.encode('out')),
      streams.stderr.write(encoder.encode('0123456789')),
    ]);
    expect(await streams.finish()).toEqual({
      stdout: { truncated: false, omittedBytes: 0 },
      stderr: { truncated: true, omittedBytes: 2, tail: { start: 33, length: 2 } },
    });
    expect(new TextDecoder().decode(files.stdout.bytes())).toBe('out');
    expect(new TextDecoder().decode(files.stderr.bytes())).toBe('012345\n[... 2 bytes omitted ...]\n89');
  });

  it('close both files when one of them fails', async () => {
    const files = { stdout: createMemoryOutput(), stderr: createMemoryOutput() };
    const streams = await openStreams({ openOutput: async (name) => files[name as StreamName] }, 8, () => {});
    files.stdout.failWith(new Error('disk full'));
    await streams.stdout.write(encoder.encode('x'));
    await expect(streams.finish()).rejects.toThrow('disk full');
    expect([files.stdout.isClosed(), files.stderr.isClosed()]).toEqual([true, true]);
  });

  it('are both closed before a failure is told, however long the other takes', async () => {
    const files = { stdout: createMemoryOutput(), stderr: createMemoryOutput() };
    const close = files.stderr.close;
    files.stderr.close = async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await close();
    };
    const streams = await openStreams({ openOutput: async (name) => files[name as StreamName] }, 8, () => {});
    files.stdout.failWith(new Error('disk full'));
    await streams.stdout.write(encoder.encode('x'));
    await expect(streams.finish()).rejects.toThrow('disk full');
    expect(files.stderr.isClosed()).toBe(true);
  });
});
