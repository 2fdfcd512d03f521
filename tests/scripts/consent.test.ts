import { describe, expect, it } from 'vitest';
import { decideConsent, readSituation } from '../../scripts/lib/consent.js';

describe('consent to change the system', () => {
  it.each([
    { root: true, terminal: true, ci: false, yes: false, decision: 'ask' },
    { root: true, terminal: true, ci: true, yes: false, decision: 'go' },
    { root: true, terminal: true, ci: false, yes: true, decision: 'go' },
    { root: true, terminal: false, ci: false, yes: false, decision: 'go' },
    { root: false, terminal: true, ci: false, yes: false, decision: 'refuse' },
    { root: false, terminal: true, ci: false, yes: true, decision: 'refuse' },
    { root: false, terminal: false, ci: true, yes: false, decision: 'refuse' },
  ])('root $root, terminal $terminal, CI $ci, --yes $yes: $decision', ({ decision, ...situation }) => {
    expect(decideConsent(situation)).toBe(decision);
  });

  it('reads CI and --yes from what the command was given', () => {
    expect(readSituation({ CI: 'true' }, [])).toMatchObject({ ci: true, yes: false });
    expect(readSituation({ CI: 'false' }, ['--once', '--yes'])).toMatchObject({ ci: false, yes: true });
  });
});
