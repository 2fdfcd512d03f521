import { type JobRecord, withoutFiles } from '../jobs/job.ts';
import type { FoundJob } from '../jobs/job-catalog.ts';
import type { JobProgress, JobResponse, JobRow } from '../response-schemas.ts';
import { toJobAnswer, type UrlOptions } from './execute-response.ts';

/** The execute answer as far as there is one, and where the job is. */
export async function toJobResponse(found: FoundJob, urls: UrlOptions): Promise<JobResponse> {
  const { record } = found;
  const manifest = found.state === 'stopped' ? found.manifest : withoutFiles(record);
  return { ...(await toJobAnswer(manifest, urls)), ...toProgress(record) };
}

/** A job in a list: without its files, which it would take reading to sign. */
export function toJobRow(record: JobRecord): JobRow {
  const { tool, sessionId, id, limits, timings } = record;
  return {
    tool,
    sessionId,
    id,
    ...record.end,
    limits,
    ...(timings === undefined ? {} : { timings }),
    ...toProgress(record),
  };
}

function toProgress({ status, createdAt, startedAt, endedAt, error }: JobRecord): JobProgress {
  return {
    status,
    createdAt,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(error === undefined ? {} : { error }),
  };
}

/** Where a job is asked for; below the path of `PUBLIC_URL` when that has one. */
export function jobPath(publicUrl: string | undefined, jobId: string): string {
  const prefix = publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/$/, '');
  return `${prefix}/jobs/${jobId}`;
}
