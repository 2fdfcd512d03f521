import type { StreamName } from '../workspace.ts';

/** Up to where a stream had come when the program turned to the other one, or when the window ended. */
export interface Piece {
  readonly stream: StreamName;
  readonly end: number;
}

/** What is written within this time becomes one piece of each stream, or a few where the streams alternate. */
const WINDOW_MS = 20;
/** Changes from one stream to the other that are told apart within a window. */
const MAX_PIECES = 16;

/** Gathers output that comes in many small writes; the first after a pause is handed on at once. */
export interface OutputWindow {
  /** `bytes` more of a stream have come, which now may be told up to `end`. */
  note(stream: StreamName, end: number, bytes: number): void;
  /** Hands on what is gathered. Called at the end, after which nothing may come. */
  close(): void;
}

/** @param maxBytes gathered output that isn't held back longer */
export function createOutputWindow(
  maxBytes: number,
  onPieces: (pieces: readonly Piece[]) => void,
): OutputWindow {
  let pieces: { readonly stream: StreamName; end: number }[] = [];
  let gathered = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const handOn = (): void => {
    const all = pieces;
    pieces = [];
    gathered = 0;
    if (all.length > 0) onPieces(all);
  };

  const onWindow = (): void => {
    timer = undefined;
    if (pieces.length === 0) return;
    handOn();
    timer = setTimeout(onWindow, WINDOW_MS);
  };

  /** The piece that grows: the last one, or, past the number that are told apart, the stream's own last. */
  const growing = (stream: StreamName): { end: number } | undefined => {
    const last = pieces.at(-1);
    if (last?.stream === stream) return last;
    return pieces.length < MAX_PIECES ? undefined : pieces.findLast((piece) => piece.stream === stream);
  };

  return {
    note(stream, end, bytes) {
      const piece = growing(stream);
      if (piece === undefined) pieces.push({ stream, end });
      else piece.end = end;
      gathered += bytes;
      if (timer !== undefined && gathered < maxBytes) return;
      handOn();
      timer ??= setTimeout(onWindow, WINDOW_MS);
    },
    close() {
      clearTimeout(timer);
      timer = undefined;
      handOn();
    },
  };
}
