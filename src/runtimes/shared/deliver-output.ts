import { demuxStream, type OutputPiece } from './demux-stream.ts';
import type { SinkQueue } from './sink-queue.ts';

/**
 * How much is held for slow sinks before the engine is made to wait. It covers the megabyte a stream that dockerd
 * holds: at a program's end dockerd gives its readers two seconds, then drops what they haven't taken.
 */
export const MAX_HELD_BYTES = 4 * 1024 * 1024;

export interface Delivery {
  /** True when the source ended by itself between two frames. Settles once everything read has been pushed; never rejects. */
  readonly ended: Promise<boolean>;
  /** Changes whenever something came. */
  readonly pieces: number;
  /** Since when (ms, this process's clock) slow sinks have kept the source from being read; `undefined` while it's read. */
  readonly stalledSince: number | undefined;
  /** The latest time for which slow sinks kept the source from being read for {@link LONG_STALL_MS} or more. */
  readonly longStall: Stall | undefined;
}

/** Begin and end in ms, by this process's clock. */
export interface Stall {
  readonly from: number;
  readonly to: number;
}

export const LONG_STALL_MS = 1500;

/** Reads a multiplexed source to its end into the sinks' queues. */
export function deliverOutput(
  source: AsyncIterable<Uint8Array>,
  queues: { readonly stdout: SinkQueue; readonly stderr: SinkQueue },
  onEngineWords: (words: string) => void,
): Delivery {
  let pieces = 0;
  let stalledSince: number | undefined;
  let longStall: Stall | undefined;

  const waitForRoom = async (queue: SinkQueue): Promise<void> => {
    const since = Date.now();
    stalledSince = since;
    while (queue.held > MAX_HELD_BYTES) await queue.progress();
    stalledSince = undefined;
    const to = Date.now();
    if (to - since >= LONG_STALL_MS) longStall = { from: since, to };
  };

  const take = (piece: OutputPiece): Promise<void> | undefined => {
    pieces += 1;
    if (piece.stream === 'engine') {
      onEngineWords(new TextDecoder().decode(piece.bytes));
      return undefined;
    }
    const queue = queues[piece.stream];
    queue.push(piece.bytes);
    return queue.held > MAX_HELD_BYTES ? waitForRoom(queue) : undefined;
  };

  const run = async (): Promise<boolean> => {
    let whole = true;
    try {
      for await (const piece of demuxStream(source)) {
        if (piece.stream === 'engine') whole = false;
        const room = take(piece);
        if (room !== undefined) await room;
      }
      return whole;
    } catch {
      // A broken connection and a cut frame mean the same to the caller: bytes may be missing.
      return false;
    }
  };

  return {
    ended: run(),
    get pieces() {
      return pieces;
    },
    get stalledSince() {
      return stalledSince;
    },
    get longStall() {
      return longStall;
    },
  };
}
