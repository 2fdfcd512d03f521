import { describe, expect, it } from 'vitest';
import { JOB_ID_PATTERN, newId, newJobId, orderOf, sessionTag } from '../../src/core/ids.ts';

describe('ids', () => {
  it('carry 130 random bits and do not meet', () => {
    const ids = Array.from({ length: 5000 }, newId);
    expect(new Set(ids).size).toBe(5000);
    for (const id of ids) expect(id).toMatch(/^[0-9a-hjkmnp-tv-z]{26}$/);
    expect(new Set(ids.join('')).size).toBe(32);
  });

  it('of jobs match their pattern and begin with what their session alone decides', () => {
    const ids = ['a', 'b', 'Z.9_-'].flatMap((session) => [
      newJobId(session, undefined),
      newJobId(session, 'anna'),
    ]);
    for (const id of ids) expect(id).toMatch(JOB_ID_PATTERN);
    expect(ids.map((id) => id.slice(0, 6))).toEqual(
      ['a', 'a', 'b', 'b', 'Z.9_-', 'Z.9_-'].map((session) => sessionTag(session)),
    );
    expect(new Set(Array.from({ length: 10_000 }, (_, n) => sessionTag(`s${n}`))).size).toBeGreaterThan(9900);
  });

  it('of jobs are in the order of their time, also across sessions', () => {
    const times = [0, 1, 31, 32, 1e12, 1.7e12, 4e12];
    const orders = times.map((time, index) => orderOf(newJobId(`s${index}`, `o${-index}`, time)));
    expect([...orders].sort()).toEqual(orders);
  });
});
