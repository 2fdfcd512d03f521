import { describe, expect, it } from 'vitest';
import { concludeTests, countTests } from '../../scripts/lib/test-totals.js';

const file = (status: string, ...statuses: string[]) => ({
  status,
  assertionResults: statuses.map((each) => ({ status: each })),
});

describe('the totals of a test run', () => {
  it('count what passed, failed and did not run', () => {
    const testResults = [
      file('passed', 'passed', 'pending', 'todo', 'skipped'),
      file('failed', 'passed', 'failed'),
    ];
    expect(countTests({ testResults })).toEqual({ passed: 2, failed: 1, skipped: 3 });
  });

  it('count a file that could not be loaded as a failure', () => {
    expect(countTests({ testResults: [file('passed', 'passed'), file('failed')] })).toMatchObject({
      failed: 1,
    });
  });

  it('count a file whose hook failed after its tests as a failure', () => {
    expect(countTests({ testResults: [file('failed', 'passed')] })).toMatchObject({ passed: 1, failed: 1 });
  });

  it.each([
    {
      totals: { passed: 3, failed: 0, skipped: 1 },
      code: 0,
      line: '3 passed, 0 failed, 1 skipped',
      exitCode: 0,
    },
    {
      totals: { passed: 3, failed: 2, skipped: 0 },
      code: 1,
      line: '3 passed, 2 failed, 0 skipped',
      exitCode: 1,
    },
    {
      totals: { passed: 3, failed: 0, skipped: 0 },
      code: 1,
      line: '3 passed, 1 failed, 0 skipped',
      exitCode: 1,
    },
    {
      totals: { passed: 0, failed: 0, skipped: 0 },
      code: 0,
      line: '0 passed, 0 failed, 0 skipped',
      exitCode: 1,
    },
    {
      totals: { passed: 0, failed: 0, skipped: 9 },
      code: 0,
      line: '0 passed, 0 failed, 9 skipped',
      exitCode: 1,
    },
  ])('$totals, runner $code: $exitCode', ({ totals, code, line, exitCode }) => {
    expect(concludeTests(totals, code)).toEqual({ line, exitCode });
  });
});
