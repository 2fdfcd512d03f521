import type { Finding } from '../core/finding.ts';

/** One limit or bound of a run, as a run inside a container found it. Plain data: it's kept between two starts. */
export interface MeasuredLimit {
  readonly name: string;
  readonly asked: string;
  readonly seen: string;
  readonly how: string;
  /** Absent when this runtime's kernel doesn't tell: then nobody knows. */
  readonly bites?: boolean;
}

/** @param allowed names of limits that the operator lets go unenforced */
export function toFinding(limit: MeasuredLimit, cure: string, allowed: readonly string[]): Finding {
  const { name, asked, seen, how, bites } = limit;
  const row = { name, asked, seen, how };
  if (bites === true) return { ...row, status: 'ok' };
  if (bites === undefined) {
    const why = 'Nothing to do: this OCI runtime has a kernel of its own, which does not tell it.';
    return { ...row, status: 'warn', cure: why };
  }
  return { ...row, status: allowed.includes(name) ? 'warn' : 'fail', cure };
}
