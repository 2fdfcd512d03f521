/**
 * @typedef {object} SkipReport vitest's JSON report, the part of it that is read here
 * @property {{ assertionResults: { ancestorTitles: string[], title: string, status: string, meta?: { skipped?: string } }[] }[]} testResults
 */

/** How a title tells why its tests are skipped: see `tests/support/skips.ts`. */
const REASON = /\(skipped: (.*)\)$/;

/**
 * The skipped tests of a report by their reasons; under '' those that tell none.
 *
 * @param {SkipReport} report
 * @returns {Map<string, string[]>} reason, full titles
 */
export function groupSkipped({ testResults }) {
  /** @type {Map<string, string[]>} */
  const groups = new Map();
  for (const { ancestorTitles, title, status, meta } of testResults.flatMap(
    (file) => file.assertionResults,
  )) {
    if (status === 'passed' || status === 'failed') continue;
    const titles = [...ancestorTitles, title];
    const told = titles.flatMap((each) => REASON.exec(each)?.[1] ?? []);
    const reason = meta?.skipped ?? told[0] ?? '';
    groups.set(reason, [...(groups.get(reason) ?? []), titles.join(' > ')]);
  }
  return groups;
}

/**
 * A line for each reason; tests without one are named.
 *
 * @param {Map<string, string[]>} groups
 */
export function toSkipLines(groups) {
  return [...groups].flatMap(([reason, titles]) =>
    reason === ''
      ? titles.map((title) => `skipped without a reason: ${title}`)
      : [`${titles.length} skipped: ${reason}`],
  );
}
