/**
 * @typedef {object} TestReport vitest's JSON report, the part of it that is read here
 * @property {{ status: string, assertionResults: { status: string }[] }[]} testResults
 */

/** @typedef {{ passed: number, failed: number, skipped: number }} Totals */

/**
 * Counts a report. A file that couldn't be loaded has no tests of its own and counts as one failure.
 *
 * @param {TestReport} report
 * @returns {Totals}
 */
export function countTests({ testResults }) {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  for (const { status, assertionResults } of testResults) {
    for (const assertion of assertionResults) totals[toTotal(assertion.status)] += 1;
    const explained = assertionResults.some((assertion) => assertion.status === 'failed');
    if (status === 'failed' && !explained) totals.failed += 1;
  }
  return totals;
}

/**
 * @param {string} status
 * @returns {keyof Totals}
 */
function toTotal(status) {
  if (status === 'passed' || status === 'failed') return status;
  return 'skipped';
}

/**
 * The last line and the exit code. A runner that failed although no test did (an unhandled rejection) is one failure,
 * and a run of no test is no success.
 *
 * @param {Totals} totals
 * @param {number} runnerCode
 */
export function concludeTests({ passed, failed, skipped }, runnerCode) {
  const failures = runnerCode !== 0 && failed === 0 ? 1 : failed;
  const ok = failures === 0 && passed > 0;
  return { line: `${passed} passed, ${failures} failed, ${skipped} skipped`, exitCode: ok ? 0 : 1 };
}
