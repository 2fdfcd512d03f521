/**
 * @typedef {object} ExamReport vitest's JSON report, the part of it that is read here
 * @property {{ assertionResults: { ancestorTitles: string[], title: string, status: string }[] }[]} testResults
 */

/** An exam's tests stand below a title that names the contract and one implementation of it. */
const TITLE = /^(ContainerRuntime|HTTP API|artifact store): ([^,]+)/;

/**
 * A table for each exam in a report: how each implementation did, and below it the cases that weren't passed by all of them.
 *
 * @param {ExamReport} report
 * @returns {string} lines; '' when no exam was run
 */
export function toExamTables(report) {
  return [...readExams(report)].map(([exam, cases]) => toTable(exam, cases)).join('\n');
}

/**
 * @param {ExamReport} report
 * @returns {Map<string, Map<string, Map<string, string>>>} exam, case, implementation, status
 */
function readExams({ testResults }) {
  /** @type {Map<string, Map<string, Map<string, string>>>} */
  const exams = new Map();
  for (const { ancestorTitles, title, status } of testResults.flatMap((file) => file.assertionResults)) {
    const at = ancestorTitles.findIndex((each) => TITLE.test(each));
    const [, exam = '', implementation = ''] = TITLE.exec(ancestorTitles[at] ?? '') ?? [];
    if (exam === '') continue;
    const cases = entry(exams, exam, () => new Map());
    const name = [...ancestorTitles.slice(at + 1), title].join(' > ');
    entry(cases, name, () => new Map()).set(implementation, status === 'pending' ? 'skipped' : status);
  }
  return exams;
}

/**
 * @param {string} exam
 * @param {Map<string, Map<string, string>>} cases
 */
function toTable(exam, cases) {
  const names = [...new Set([...cases.values()].flatMap((results) => [...results.keys()]))].sort();
  const all = [...cases].flatMap(([, results]) => names.map((name) => results.get(name) ?? 'absent'));
  const rows = [...new Set(all)].sort().map((status) => [
    `  ${status}`,
    ...names.map((name) => {
      const count = [...cases.values()].filter(
        (results) => (results.get(name) ?? 'absent') === status,
      ).length;
      return String(count);
    }),
  ]);
  const exceptions = [...cases].flatMap(([name, results]) => {
    const others = names.filter((each) => results.get(each) !== 'passed');
    const told = others.map((each) => `${each} ${results.get(each) ?? 'absent'}`).join(', ');
    return others.length === 0 ? [] : [`  ${name}: ${told}`];
  });
  return [...align([[`${exam}, ${cases.size} cases`, ...names], ...rows]), ...exceptions, ''].join('\n');
}

/** @param {string[][]} rows */
function align(rows) {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/**
 * @template T
 * @param {Map<string, T>} map
 * @param {string} key
 * @param {() => T} make
 * @returns {T}
 */
function entry(map, key, make) {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}
