import type { Finding } from '../core/finding.ts';

const MARKS = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const;

/** The rows for people, one line each, and at the end what to do: what must be, and then what may be. */
export function toTable(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.map(({ name, status, asked, seen }) => {
    const facts = [
      asked === undefined ? [] : `asked: ${asked}`,
      seen === undefined ? [] : `seen: ${seen}`,
    ].flat();
    return `${MARKS[status]}  ${name.padEnd(width)}  ${facts.join('; ')}`.trimEnd();
  });
  const of = (wanted: Finding['status']) => findings.filter(({ status }) => status === wanted);
  const sum = `${of('ok').length} good, ${of('warn').length} to know, ${of('fail').length} to cure.`;
  const cures = [
    ...of('fail').map(({ name, cure = '' }) => `  ${name}: ${cure}`),
    ...of('warn').map(({ name, cure = '' }) => `  ${name} (to know): ${cure}`),
  ];
  return [...lines, '', sum, ...(cures.length === 0 ? [] : ['What to do:', ...new Set(cures)])].join('\n');
}
