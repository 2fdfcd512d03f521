import { AppError } from '../errors.ts';
import type { Manifest } from '../jobs/job.ts';

/**
 * Streams that one caller may have open. Each costs a connection and, when nobody reads it, some hundred kilobytes of what it
 * was about to send: so many cost less than a run may.
 */
export const OPEN_STREAMS = 128;

/** The event streams that are open: how many each caller has, and what they hold. */
export interface OpenStreams {
  /** Counts one more. Throws `rate_limited` when the caller has as many as may be. */
  enter(caller: string | undefined): Leave;
  /** A manifest may name thousands of files: all readers of a job hold the one that the first of them had. */
  share(manifest: Manifest): readonly [shared: Manifest, leave: Leave];
}

/** Says that a stream is closed. A second call does nothing. */
export type Leave = () => void;

/** @param most streams that one caller may have open */
export function createOpenStreams(most: number): OpenStreams {
  const openOf = new Map<string | undefined, number>();
  const held = new Map<string, { readonly manifest: Manifest; readers: number }>();
  return {
    enter(caller) {
      const open = openOf.get(caller) ?? 0;
      if (open >= most) throw tooMany(most);
      openOf.set(caller, open + 1);
      return once(() => {
        const left = (openOf.get(caller) ?? 0) - 1;
        if (left > 0) openOf.set(caller, left);
        else openOf.delete(caller);
      });
    },
    share(manifest) {
      const { id } = manifest.job;
      const known = held.get(id);
      const entry =
        known !== undefined && isSame(known.manifest, manifest) ? known : { manifest, readers: 0 };
      held.set(id, entry);
      entry.readers += 1;
      const leave = once(() => {
        entry.readers -= 1;
        if (entry.readers === 0 && held.get(id) === entry) held.delete(id);
      });
      return [entry.manifest, leave];
    },
  };
}

/** A job that a killed process left open gets its manifest later than it's first told of; no manifest is written twice. */
function isSame(a: Manifest, b: Manifest): boolean {
  return a.job.endedAt === b.job.endedAt && a.files.length === b.files.length;
}

function once(leave: () => void): Leave {
  let left = false;
  return () => {
    if (left) return;
    left = true;
    leave();
  };
}

function tooMany(most: number): AppError {
  const message = `${most} of your event streams are open already: close one, or ask for a job by GET /jobs/:id.`;
  return new AppError('rate_limited', message);
}
