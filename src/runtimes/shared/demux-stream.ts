/**
 * Decodes the engines' multiplexed output: frames of an 8-byte header (kind, three zero bytes, big-endian length) and payload.
 *
 * Yields views into the source's chunks in the order of arrival; a frame that spans chunks is yielded in pieces, so no
 * frame is ever held back or copied and a cut last frame loses nothing that came. The source is only read when the
 * consumer asks for more. Throws a {@link FrameError} on a kind that the protocol doesn't have, and at the end of a
 * source that stops within a frame, after all its bytes were yielded.
 */
export async function* demuxStream(source: AsyncIterable<Uint8Array>): AsyncGenerator<OutputPiece, void> {
  const header = new Uint8Array(HEADER_BYTES);
  let headerFilled = 0;
  let stream: OutputPiece['stream'] = 'stdout';
  let payloadLeft = 0;

  for await (const chunk of source) {
    let at = 0;
    while (at < chunk.length) {
      if (payloadLeft > 0) {
        const end = Math.min(chunk.length, at + payloadLeft);
        payloadLeft -= end - at;
        yield { stream, bytes: chunk.subarray(at, end) };
        at = end;
        continue;
      }
      const end = Math.min(chunk.length, at + HEADER_BYTES - headerFilled);
      header.set(chunk.subarray(at, end), headerFilled);
      headerFilled += end - at;
      at = end;
      if (headerFilled === HEADER_BYTES) {
        headerFilled = 0;
        stream = streamOfKind(header[0]);
        payloadLeft = new DataView(header.buffer).getUint32(4);
      }
    }
  }
  if (payloadLeft > 0 || headerFilled > 0) throw new FrameError('the stream ended within a frame');
}

export interface OutputPiece {
  /** `engine` carries the engine's own words on why it stops sending; they belong to neither stream of the program. */
  readonly stream: 'stdout' | 'stderr' | 'engine';
  readonly bytes: Uint8Array;
}

export class FrameError extends Error {
  override readonly name = 'FrameError';
}

const HEADER_BYTES = 8;

function streamOfKind(kind: number | undefined): OutputPiece['stream'] {
  switch (kind) {
    case 0: // The protocol's stdin: echoed input, which its own reference decoder writes to stdout.
    case 1:
      return 'stdout';
    case 2:
      return 'stderr';
    case 3:
      return 'engine';
    default:
      throw new FrameError(`unknown frame kind ${kind}`);
  }
}
