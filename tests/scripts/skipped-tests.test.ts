import { describe, expect, it } from 'vitest';
import { groupSkipped, toSkipLines } from '../../scripts/lib/skipped-tests.js';
import { withReason } from '../support/skips.ts';

const result = (status: string, titles: readonly string[], meta = {}) => ({
  ancestorTitles: titles.slice(0, -1),
  title: titles.at(-1) ?? '',
  status,
  meta,
});

describe('the skipped tests of a run', () => {
  it('are told by the reasons of their titles or their own, and by name where there is none', () => {
    const assertionResults = [
      result('passed', ['a']),
      result('failed', ['b']),
      result('skipped', [withReason('Podman', 'there is no podman'), 'x']),
      result('skipped', [withReason('Podman', 'there is no podman'), 'y']),
      result('skipped', ['fake', 'z'], { skipped: 'fake isolates nothing' }),
      result('pending', ['file', 'silent']),
    ];
    expect(toSkipLines(groupSkipped({ testResults: [{ assertionResults }] }))).toEqual([
      '2 skipped: there is no podman',
      '1 skipped: fake isolates nothing',
      'skipped without a reason: file > silent',
    ]);
  });
});
