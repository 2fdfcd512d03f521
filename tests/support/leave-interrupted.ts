import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JobFile } from '../../src/core/jobs/job.ts';

/** Makes of a finished job of session `s` what a killed process leaves: its program had written, and nobody saw how it ended. */
export function leaveInterrupted(storageRoot: string, id: string): void {
  const folder = join(storageRoot, 's', `job-${id}`);
  rmSync(join(folder, 'manifest.json'));
  const record = join(folder, 'job.json');
  const {
    end: _end,
    endedAt: _endedAt,
    timings: _timings,
    ...kept
  } = JSON.parse(readFileSync(record, 'utf8')) as JobFile;
  const left: JobFile = { ...kept, status: 'running', inputs: [] };
  writeFileSync(record, JSON.stringify(left));
}
