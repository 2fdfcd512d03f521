import type { TestContext } from 'vitest';
import { readSituation } from '../../scripts/lib/consent.js';

/** Why what only Linux has can't be tried; `undefined` on Linux. */
export const NOT_LINUX = process.platform === 'linux' ? undefined : 'only Linux has it';

/**
 * The title of tests that are skipped where there's an obstacle, with that as its reason. For what a machine of CI must have:
 * there it throws instead, because a skip would hide what was never run.
 */
export function titleOf(title: string, obstacle: string | undefined): string {
  return obstacle === undefined ? title : withReason(title, permitSkip(obstacle));
}

/** The same for what no machine need have, or what is left to other runs. */
export function withReason(title: string, reason: string | undefined): string {
  return reason === undefined ? title : `${title} (skipped: ${reason})`;
}

/** Skips the test that runs; its reason stands in the report. For what a machine of CI must have, give `permitSkip`'s. */
export function skipTest({ skip, task }: TestContext, reason: string): never {
  Object.assign(task.meta, { skipped: reason });
  return skip(reason);
}

/** The reason, for a test that finds its obstacle when it runs; throws on a machine of CI. */
export function permitSkip(reason: string): string {
  if (readSituation(process.env, []).ci) throw new Error(`CI must not skip tests: ${reason}`);
  return reason;
}
