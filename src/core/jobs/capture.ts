import { type CapturedStreams, headLength, openStreams } from '../output-collector.ts';
import type { Workspace } from '../workspace.ts';
import type { EventLog } from './event-log.ts';
import { createOutputRecorder } from './output-recorder.ts';

/** Captures both streams of a run into their files, and into the index what came when. */
export async function openCapture(
  workspace: Pick<Workspace, 'openOutput' | 'readPart'>,
  log: EventLog,
  maxBytes: number,
): Promise<CapturedStreams> {
  const recorder = createOutputRecorder({ log, files: workspace, headBytes: headLength(maxBytes) });
  const streams = await openStreams(workspace, maxBytes, recorder.wrote);
  return {
    ...streams,
    async finish() {
      try {
        const collected = await streams.finish();
        await recorder.finish(collected);
        return collected;
      } finally {
        recorder.stop();
      }
    },
  };
}
