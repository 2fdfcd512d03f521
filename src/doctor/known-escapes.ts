import type { RuntimeInfo } from '../core/container-runtime.ts';
import type { Finding } from '../core/finding.ts';
import { fixFor, isBefore } from './version.ts';

interface Escape {
  readonly cves: string;
  /** The first fixed version of each release line, oldest line first. */
  readonly fixes: readonly string[];
}

/** Ways out of a container that a program in it, or the start of one, opens; by the OCI runtime's own advisories. */
const ESCAPES: Readonly<Record<string, readonly Escape[]>> = {
  runc: [
    { cves: 'CVE-2019-5736', fixes: ['1.0.0-rc7'] },
    { cves: 'CVE-2021-30465', fixes: ['1.0.0-rc95'] },
    { cves: 'CVE-2024-21626', fixes: ['1.1.12'] },
    { cves: 'CVE-2025-31133, CVE-2025-52565, CVE-2025-52881', fixes: ['1.2.8', '1.3.3', '1.4.0-rc.3'] },
  ],
  crun: [
    { cves: 'CVE-2019-18837', fixes: ['0.10.5'] },
    { cves: 'CVE-2026-88264, CVE-2026-88265', fixes: ['1.30'] },
  ],
};

/** What is known of the version of the OCI runtime that runs jobs; nothing for one that isn't in the table or tells none. */
export function checkEscapes(info: RuntimeInfo, ociRuntime: string | undefined): readonly Finding[] {
  const name = ociRuntime ?? info.defaultOciRuntime;
  const version = name === info.defaultOciRuntime ? info.ociRuntimeVersion : undefined;
  const escapes = ESCAPES[name];
  if (version === undefined || escapes === undefined) return [];
  const row = {
    name: 'known_escapes',
    asked: `${name} without a known escape`,
    how: 'the engine named its version',
  };
  const open = escapes.flatMap(({ cves, fixes }) => {
    const fix = fixFor(version, fixes);
    return fix !== undefined && isBefore(version, fix) ? [{ cves, fix }] : [];
  });
  if (open.length === 0) return [{ ...row, status: 'ok', seen: `${name} ${version}` }];
  const closed = open.map(({ cves, fix }) => `${cves} (fixed in ${fix})`).join('; ');
  const backports = /[+~]/.test(version)
    ? ' A distribution may have mended its own without a new number: its security tracker tells.'
    : '';
  return [
    {
      ...row,
      status: 'warn',
      seen: `${name} ${version}: ${closed}`,
      cure: `Update ${name} to ${open.at(-1)?.fix ?? 'its newest version'} or later.${backports} Or run jobs under gVisor: AA_OCI_RUNTIME=runsc.`,
    },
  ];
}
