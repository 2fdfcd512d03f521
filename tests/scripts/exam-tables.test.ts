import { describe, expect, it } from 'vitest';
import { toExamTables } from '../../scripts/lib/exam-tables.js';

const result = (path: string, status: string) => {
  const titles = path.split(' > ');
  return { ancestorTitles: titles.slice(0, -1), title: titles.at(-1) ?? '', status };
};

const reportOf = (...results: ReturnType<typeof result>[]) => ({
  testResults: [{ assertionResults: results }],
});

describe('the exams’ tables', () => {
  it('count by implementation, and name what not all of them passed', () => {
    const report = reportOf(
      result('ContainerRuntime: fake > output > a', 'passed'),
      result('ContainerRuntime: fake > output > b', 'pending'),
      result('on this machine > ContainerRuntime: docker > output > a', 'passed'),
      result('on this machine > ContainerRuntime: docker > output > b', 'passed'),
      result('ContainerRuntime: docker, closed > c', 'failed'),
      result('something else > d', 'failed'),
    );
    expect(toExamTables(report).split('\n')).toEqual([
      'ContainerRuntime, 3 cases  docker  fake',
      '  absent                   0       1',
      '  failed                   1       0',
      '  passed                   2       1',
      '  skipped                  0       1',
      '  output > b: fake skipped',
      '  c: docker failed, fake absent',
      '',
    ]);
  });

  it('are left out where no exam was run', () => {
    expect(toExamTables(reportOf(result('something > else', 'passed')))).toBe('');
    expect(toExamTables({ testResults: [] })).toBe('');
  });
});
