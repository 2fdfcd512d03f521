import type { CollectedOutput } from '../output-collector.ts';
import type { StreamName, Workspace } from '../workspace.ts';
import type { IndexRecord } from './event-index.ts';
import type { EventLog } from './event-log.ts';
import { createOutputWindow } from './output-window.ts';
import { incompletePrefix, incompleteSuffix } from './utf8-boundary.ts';

/** An event's bytes, about. */
const SLICE_BYTES = 64 * 1024;
/**
 * Tells the index which bytes came when. The head of a stream is told as it comes. What follows goes round in a ring and
 * would be gone when somebody asks for it again, so it's told at the end, as far as it was kept. Pieces end between
 * characters wherever the bytes are UTF-8.
 */
export interface OutputRecorder {
  /** The next bytes of a stream have been written to its file. */
  wrote(stream: StreamName, part: Uint8Array): void;
  /** Tells what was written until now and takes nothing more. */
  stop(): void;
  /** Both files are in their final form: stops, and tells what is left. Once. */
  finish(streams: Readonly<Record<StreamName, CollectedOutput>>): Promise<void>;
}

export interface OutputRecorderOptions {
  readonly log: Pick<EventLog, 'append'>;
  readonly files: Pick<Workspace, 'readPart'>;
  /** Bytes of each stream that stay where they were written first. */
  readonly headBytes: number;
  /** Where an earlier recorder stopped; absent: nothing was written yet. */
  readonly resume?: Readonly<Record<StreamName, Progress>>;
}

interface Progress {
  /** Bytes of the stream so far. */
  readonly seen: number;
  /** Bytes of its file that the index has told. */
  readonly told: number;
}

interface StreamState extends Progress {
  seen: number;
  told: number;
  /** The last bytes of the head, enough to see whether a character is unfinished. */
  last: Uint8Array;
}

const NOTHING: Progress = { seen: 0, told: 0 };

export function createOutputRecorder(options: OutputRecorderOptions): OutputRecorder {
  const { log, files, headBytes, resume = { stdout: NOTHING, stderr: NOTHING } } = options;
  const states: Readonly<Record<StreamName, StreamState>> = {
    stdout: { ...resume.stdout, last: new Uint8Array(0) },
    stderr: { ...resume.stderr, last: new Uint8Array(0) },
  };
  const tell = (stream: StreamName, end: number): IndexRecord[] => {
    const state = states[stream];
    const start = state.told;
    if (end <= start) return [];
    state.told = end;
    return [{ kind: 'output', stream, start, length: end - start }];
  };

  const window = createOutputWindow(SLICE_BYTES, (pieces) =>
    log.append(pieces.flatMap(({ stream, end }) => tell(stream, end))),
  );

  /** Tells a part of a finished file in slices. */
  const tellPart = async (stream: StreamName, start: number, end: number): Promise<void> => {
    const state = states[stream];
    state.told = start;
    while (state.told < end) {
      const bytes = await files.readPart(stream, state.told, Math.min(SLICE_BYTES, end - state.told));
      if (bytes.length === 0) return;
      log.append(tell(stream, state.told + sliceLength(bytes, state.told === start)));
    }
  };

  const finishStream = async (stream: StreamName, output: CollectedOutput): Promise<void> => {
    const state = states[stream];
    if (!output.truncated) return tellPart(stream, state.told, state.seen);
    log.append([
      ...tell(stream, headBytes),
      { kind: 'truncated', stream, omittedBytes: output.omittedBytes },
    ]);
    const { tail } = output;
    if (tail !== undefined) await tellPart(stream, tail.start, tail.start + tail.length);
  };

  return {
    wrote(stream, part) {
      const state = states[stream];
      const head = part.subarray(0, Math.max(0, headBytes - state.seen));
      const end = state.seen + head.length;
      state.seen += part.length;
      if (head.length === 0) return;
      state.last = lastBytes(state.last, head);
      window.note(stream, end - incompleteSuffix(state.last), head.length);
    },
    stop: window.close,
    async finish(streams) {
      window.close();
      await finishStream('stdout', streams.stdout);
      await finishStream('stderr', streams.stderr);
    },
  };
}

function lastBytes(before: Uint8Array, chunk: Uint8Array): Uint8Array {
  if (chunk.length >= 3) return chunk.slice(-3);
  return Uint8Array.from([...before, ...chunk].slice(-3));
}

/** Up to where a slice is told as one event: a part of a character at either end is told by itself. */
function sliceLength(bytes: Uint8Array, isFirst: boolean): number {
  const prefix = isFirst ? incompletePrefix(bytes) : 0;
  if (prefix > 0 && prefix < bytes.length) return prefix;
  const suffix = incompleteSuffix(bytes);
  return suffix < bytes.length ? bytes.length - suffix : bytes.length;
}
