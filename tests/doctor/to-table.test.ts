import { expect, it } from 'vitest';
import { toTable } from '../../src/doctor/to-table.ts';

it('has a line for each row, and ends with what must be done and then with what may be', () => {
  const text = toTable([
    { name: 'engine', status: 'ok', seen: 'one', how: 'it told' },
    { name: 'selinux', status: 'warn', asked: 'a label', seen: 'none', cure: 'Label it.' },
    { name: 'cpu', status: 'fail', asked: '0.2 of a CPU', seen: '1.0 of a CPU', cure: 'Delegate it.' },
  ]);
  expect(text).toBe(`ok    engine   seen: one
warn  selinux  asked: a label; seen: none
FAIL  cpu      asked: 0.2 of a CPU; seen: 1.0 of a CPU

1 good, 1 to know, 1 to cure.
What to do:
  cpu: Delegate it.
  selinux (to know): Label it.`);
});

it('has nothing to do where all is good', () => {
  expect(toTable([{ name: 'engine', status: 'ok', seen: 'one' }])).toMatch(
    /\n1 good, 0 to know, 0 to cure\.$/,
  );
});
