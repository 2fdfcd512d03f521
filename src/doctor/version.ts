/** The first three numbers of a version, and its release candidate, `1.4.0-rc.3` being before `1.4.0`; `undefined` for what is none. */
export function parseVersion(text: string): readonly number[] | undefined {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-~]rc\.?(\d+))?/.exec(text);
  if (match === null) return undefined;
  const [, major, minor, patch, candidate] = match;
  return [major, minor, patch ?? 0, candidate ?? Number.POSITIVE_INFINITY].map(Number);
}

/** Whether `version` is before `other`; false when either is no version. */
export function isBefore(version: string, other: string): boolean {
  const [one, two] = [parseVersion(version), parseVersion(other)];
  if (one === undefined || two === undefined) return false;
  const index = one.findIndex((number, at) => number !== two[at]);
  return index !== -1 && (one[index] ?? 0) < (two[index] ?? 0);
}

/**
 * The fix that counts for `version` among those of several release lines: of its own line, else the newest there is.
 *
 * @param fixes the first fixed version of each line, oldest line first
 */
export function fixFor(version: string, fixes: readonly string[]): string | undefined {
  const line = (text: string): string => (parseVersion(text) ?? []).slice(0, 2).join('.');
  const ofLine = fixes.find((fix) => line(fix) === line(version));
  if (ofLine !== undefined) return ofLine;
  // A line between two that were fixed, or before all, never was: the next fixed one counts.
  return fixes.find((fix) => isBefore(version, fix)) ?? fixes.at(-1);
}
