import { sleep } from './abort.ts';
import { WORKSPACE_MAX_INODES } from './limits.ts';
import type { Workspace } from './workspace.ts';

const INTERVAL_MS = 250;
/** A look at a large tree takes long: the pauses grow with it, so that looking costs at most a tenth of the time. */
const PAUSE_PER_LOOK = 9;

/**
 * Looks at what a running program takes below `/workspace` and calls `onExceeded` once when it's more than `maxBytes`
 * or too many entries. Looks until `signal` aborts.
 */
export async function watchDisk(
  workspace: Pick<Workspace, 'usage'>,
  maxBytes: number,
  signal: AbortSignal,
  onExceeded: () => void,
): Promise<void> {
  let pause = INTERVAL_MS;
  for (;;) {
    await sleep(pause, signal);
    if (signal.aborted) return;
    const begun = performance.now();
    const usage = await workspace.usage(signal);
    if (signal.aborted) return;
    if (usage.bytes > maxBytes || usage.inodes > WORKSPACE_MAX_INODES) return onExceeded();
    pause = Math.max(INTERVAL_MS, (performance.now() - begun) * PAUSE_PER_LOOK);
  }
}
