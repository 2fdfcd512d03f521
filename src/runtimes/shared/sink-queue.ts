import type { ByteSink } from '../../core/container-runtime.ts';

/** Hands bytes to a sink one write at a time, and holds what comes while the sink is busy. */
export interface SinkQueue {
  /** Bytes held, and a little for each piece so that many tiny ones count. */
  readonly held: number;
  /** What the sink threw, after which it's given nothing more and its bytes are dropped. */
  readonly failure: unknown;
  push(bytes: Uint8Array): void;
  /** Settles once the sink has taken all that was pushed before; never rejects. */
  flushed(): Promise<void>;
  /** Settles at the next write that the sink finishes, at once when it isn't busy; never rejects. */
  progress(): Promise<void>;
}

/** What a held piece costs beside its bytes. */
const PIECE_OVERHEAD = 128;

export function createSinkQueue(sink: ByteSink): SinkQueue {
  let waiting: Uint8Array[] = [];
  let held = 0;
  let failure: unknown;
  let busy: Promise<void> | undefined;
  let current: Promise<void> | undefined;

  const write = (bytes: Uint8Array): Promise<void> | undefined => {
    if (failure !== undefined) return undefined;
    try {
      const pending = sink.write(bytes);
      if (pending === undefined) return undefined;
      return pending.catch((error: unknown) => {
        failure = error ?? new Error('the sink rejected');
      });
    } catch (error) {
      failure = error ?? new Error('the sink threw');
      return undefined;
    }
  };

  const drain = async (first: Promise<void>): Promise<void> => {
    current = first;
    await first;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      for (const bytes of batch) {
        current = write(bytes);
        if (current !== undefined) await current;
        held -= bytes.length + PIECE_OVERHEAD;
      }
    }
    busy = undefined;
  };

  return {
    get held() {
      return held;
    },
    get failure() {
      return failure;
    },
    push(bytes) {
      if (busy !== undefined) {
        waiting.push(bytes);
        held += bytes.length + PIECE_OVERHEAD;
        return;
      }
      const pending = write(bytes);
      if (pending !== undefined) busy = drain(pending);
    },
    flushed: async () => {
      while (busy !== undefined) await busy;
    },
    progress: async () => {
      await current;
    },
  };
}
