import { toContainerSpec } from '../core/container-spec.ts';
import type { Finding } from '../core/finding.ts';
import { DEFAULT_LIMITS } from '../core/limits.ts';
import { parseReport } from './limit-rows.ts';
import type { LimitProbeOptions } from './probe-limits.ts';
import { LANGUAGES } from './programs.ts';
import { runProbe } from './run-probe.ts';

const EXPECTED = ['python', 'node', 'bun', 'bash'];

/** Which languages the worker image has, in which version. */
export async function checkLanguages(options: LimitProbeOptions): Promise<Finding> {
  const { stdout } = await runProbe(options, (labels) =>
    toContainerSpec(
      { args: ['/bin/sh', '-c', LANGUAGES], env: {} },
      { ...options, limits: DEFAULT_LIMITS, labels, allowUnenforced: ['cpu', 'memory', 'pids'] },
    ),
  );
  const read = parseReport(stdout);
  const versions = EXPECTED.map((language) => {
    const version = (read(language) ?? []).find((word) => /^v?\d+\.\d/.test(word));
    return { language, version: version?.replace(/^v|\(.*$/g, '') };
  });
  const missing = versions.filter(({ version }) => version === undefined).map(({ language }) => language);
  const row = {
    name: 'languages',
    asked: EXPECTED.join(', '),
    seen: versions.map(({ language, version }) => `${language} ${version ?? 'missing'}`).join(', '),
    how: 'a run asked each interpreter for its version',
  };
  if (missing.length === 0) return { ...row, status: 'ok' };
  const cure = `Jobs in ${missing.join(', ')} can't run: use an image made from aa-worker:latest in AA_WORKER_IMAGE.`;
  return { ...row, status: 'warn', cure };
}
