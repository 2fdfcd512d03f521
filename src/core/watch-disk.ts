import { sleep } from './abort.ts';
import { WORKSPACE_MAX_INODES } from './limits.ts';
import type { Workspace } from './workspace.ts';

const INTERVAL_MS = 250;
/** A look at a large tree takes long: the pauses grow with it, so that looking costs at most a tenth of the time. */
const PAUSE_PER_LOOK = 9;
const MAX_FAILURES = 8;

/**
 * Looks at what a running program takes below `/workspace` and calls `onExceeded` once when it's more than `maxBytes`
 * or too many entries, or when that can't be seen again and again. Looks until `signal` aborts.
 */
export async function watchDisk(
  workspace: Pick<Workspace, 'usage'>,
  maxBytes: number,
  signal: AbortSignal,
  onExceeded: () => void,
): Promise<void> {
  let pause = INTERVAL_MS;
  let failures = 0;
  for (;;) {
    await sleep(pause, signal);
    if (signal.aborted) return;
    const begun = performance.now();
    const usage = await workspace.usage(signal).catch(() => undefined);
    if (signal.aborted) return;
    // One look may fail because the program changes its tree meanwhile; a program that makes each fail hides something.
    failures = usage === undefined ? failures + 1 : 0;
    const exceeded = usage !== undefined && (usage.bytes > maxBytes || usage.inodes > WORKSPACE_MAX_INODES);
    if (exceeded || failures >= MAX_FAILURES) return onExceeded();
    pause = Math.max(INTERVAL_MS, (performance.now() - begun) * PAUSE_PER_LOOK);
  }
}
