import type { Finding } from '../core/finding.ts';

/** The rows for people: one line each, what to do below those that aren't good, and at the end what must be done. */
export function toTable(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.flatMap(({ name, status, asked, seen, cure }) => {
    const mark = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' }[status];
    const facts = [
      asked === undefined ? [] : `asked: ${asked}`,
      seen === undefined ? [] : `seen: ${seen}`,
    ].flat();
    const line = `${mark}  ${name.padEnd(width)}  ${facts.join('; ')}`.trimEnd();
    return status === 'warn' && cure !== undefined ? [line, `      ${cure}`] : [line];
  });
  const count = (wanted: Finding['status']): number =>
    findings.filter(({ status }) => status === wanted).length;
  const sum = `${count('ok')} good, ${count('warn')} to know, ${count('fail')} to cure.`;
  const cures = findings.flatMap(({ name, status, cure }) =>
    status === 'fail' ? [`  ${name}: ${cure ?? ''}`] : [],
  );
  return [...lines, '', sum, ...(cures.length === 0 ? [] : ['What to do:', ...new Set(cures)])].join('\n');
}
