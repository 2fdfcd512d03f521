import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newJobId } from '../../../src/core/ids.ts';
import { openCapture } from '../../../src/core/jobs/capture.ts';
import { createEventLog } from '../../../src/core/jobs/event-log.ts';
import { omissionLine } from '../../../src/core/output-collector.ts';
import type { StreamName, Workspace } from '../../../src/core/workspace.ts';
import { createStorage, type Storage } from '../../../src/storage/index.ts';
import { outputOf, type ProgramWrite, readEvents } from '../../support/memory-job.ts';
import { makeTemporaryFolder, removeFolder } from '../../support/temporary-folder.ts';

let root: string;
let storage: Storage;

beforeEach(async () => {
  root = makeTemporaryFolder('recorder');
  storage = await createStorage({ root: join(root, 'storage') });
});
afterEach(async () => {
  await storage.close();
  removeFolder(root);
});

interface Write extends ProgramWrite {
  /** Whether the program pauses afterwards, so that a window ends. */
  readonly pause: boolean;
}

/** Captures writes as a run would; gives the events that can be read at the end, and those that were readable before it. */
async function capture(writes: readonly Write[], maxBytes: number) {
  const workspace = await storage.workspaces.create({ sessionId: 's', jobId: newJobId('s', undefined) });
  const log = createEventLog(await workspace.openOutput('events'));
  const streams = await openCapture(workspace, log, maxBytes);
  for (const { stream, bytes, pause } of writes) {
    // A sink's chunk is lent: what the recorder keeps of it must be a copy.
    const lent = bytes.slice();
    await streams[stream].write(lent);
    lent.fill(0xee);
    if (pause) await new Promise((resolve) => setTimeout(resolve, 25));
  }
  const early = await readEvents(workspace, log.count);
  await streams.finish();
  await log.close();
  return { workspace, early, events: await readEvents(workspace, log.count) };
}

async function fileOf(workspace: Workspace, stream: StreamName): Promise<Buffer> {
  return Buffer.from(await new Response(await workspace.read(stream)).arrayBuffer());
}

const out = (text: string | Uint8Array, pause = false): Write => ({
  stream: 'stdout',
  bytes: typeof text === 'string' ? new TextEncoder().encode(text) : text,
  pause,
});
const err = (text: string): Write => ({ ...out(text), stream: 'stderr' });

describe('the events of captured output', () => {
  it('carry exactly what the files keep, whatever the writes and the cap', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => new TextEncoder().encode(text)),
    );
    const write = fc.record({
      stream: fc.constantFrom('stdout' as const, 'stderr' as const),
      bytes,
      pause: fc.constant(false),
    });
    const writes = fc.array(write, { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(writes, fc.integer({ min: 1, max: 300 }), async (all, cap) => {
        const { workspace, early, events } = await capture(all, cap);
        expect(events.slice(0, early.length)).toEqual(early);
        expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => index + 1));
        for (const stream of ['stdout', 'stderr'] as const) {
          const written = Buffer.concat(all.filter((w) => w.stream === stream).map((w) => w.bytes));
          const omitted = Math.max(0, written.length - cap);
          const head = cap - Math.floor(cap / 4);
          const kept =
            omitted === 0
              ? written
              : Buffer.concat([written.subarray(0, head), written.subarray(written.length - (cap - head))]);
          expect(outputOf(events, stream)).toEqual(kept);
          const marks = events.flatMap((event) =>
            event.event === 'truncated' && event.data.stream === stream ? [event.data.omittedBytes] : [],
          );
          expect(marks).toEqual(omitted === 0 ? [] : [omitted]);
          const file = await fileOf(workspace, stream);
          expect(file.length).toBeLessThanOrEqual(cap + omissionLine(omitted).length + 1);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('are the same when they are read from anywhere on', async () => {
    const writes = Array.from({ length: 40 }, (_, n) =>
      n % 3 === 0 ? err(`e${n}\n`) : out(`é${n}\n`, n % 8 === 0),
    );
    const { workspace, events } = await capture(writes, 10_000);
    for (let after = 0; after <= events.length; after += 1) {
      expect(await readEvents(workspace, events.length, after)).toEqual(events.slice(after));
    }
  });

  it('come at once after a pause, and keep the order of the two streams', async () => {
    const { early, events } = await capture(
      [out('a', true), err('b'), out('c'), err('d'), out('e', true)],
      1000,
    );
    expect(early[0]).toEqual({ id: 1, event: 'stdout', data: { text: 'a' } });
    expect(events.map(({ event }) => event)).toEqual(['stdout', 'stderr', 'stdout', 'stderr', 'stdout']);
  });

  it('never cut a character that arrives in parts, however long the program takes between them', async () => {
    const bytes = new TextEncoder().encode('é€😀');
    const writes = [...bytes].map((byte) => out(Uint8Array.of(byte), true));
    const { events } = await capture(writes, 1000);
    expect(events.map((event) => event.data)).toEqual([{ text: 'é' }, { text: '€' }, { text: '😀' }]);
  });

  it('mark what isn’t UTF-8, and only that', async () => {
    const { events } = await capture(
      [out('text', true), out(Uint8Array.of(255, 0), true), out('more')],
      1000,
    );
    expect(events.map((event) => event.data)).toEqual([
      { text: 'text' },
      { base64: '/wA=' },
      { text: 'more' },
    ]);
  });

  it('ten thousand tiny writes are few events', async () => {
    const writes = Array.from({ length: 10_000 }, () => out('x'));
    const { events } = await capture(writes, 100_000);
    expect(outputOf(events, 'stdout')).toHaveLength(10_000);
    expect(events.length).toBeLessThan(400);
  });

  it('a flood is told by its head, one mark, and its tail in slices', async () => {
    const chunk = new TextEncoder().encode('ä'.repeat(16 * 1024));
    const { events } = await capture(
      Array.from({ length: 100 }, () => out(chunk)),
      1_000_001,
    );
    const mark = events.findIndex(({ event }) => event === 'truncated');
    expect(events[mark]?.data).toEqual({ stream: 'stdout', omittedBytes: 100 * chunk.length - 1_000_001 });
    expect(outputOf(events.slice(0, mark), 'stdout')).toHaveLength(750_001);
    expect(outputOf(events.slice(mark), 'stdout')).toHaveLength(250_000);
    const base64 = events.filter(({ data }) => 'base64' in data);
    // The character that the head ends in, and the one that the tail begins in.
    expect(base64.length).toBeLessThanOrEqual(2);
  });
});
