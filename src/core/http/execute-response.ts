import { AppError } from '../errors.ts';
import type { ArtifactRow, JobRecord, Manifest } from '../jobs/job.ts';
import { UNKNOWN_END } from '../jobs/run-job.ts';
import type { ExecuteResponse, FileRow, JobAnswer } from '../response-schemas.ts';
import type { UrlSigner } from '../url-signer.ts';
import { inBatches } from './batches.ts';

/** What the URLs of an answer are made with. */
export interface UrlOptions {
  /** Without a trailing `/`. */
  readonly baseUrl: string;
  /** Signs the artifacts' URLs; absent where they open without a key anyway. */
  readonly signer: UrlSigner | undefined;
}

/** What is told of a job; without `exitCode` and `outcome` when it has no end that is known. */
export async function toJobAnswer(manifest: Manifest, urls: UrlOptions): Promise<JobAnswer> {
  const { job } = manifest;
  const files: FileRow[] = [];
  for await (const rows of inBatches(manifest.files, (row) => toFileRow(job, row, urls))) files.push(...rows);
  const urlsOf = (kind: ArtifactRow['kind']): Record<string, string> =>
    Object.fromEntries(files.filter((file) => file.kind === kind).map(({ name, url }) => [name, url]));
  return {
    ...toHeading(job),
    artifacts: { inputs: urlsOf('input'), outputs: urlsOf('output') },
    files,
    skipped: manifest.skipped,
    ...(manifest.truncated ? { truncated: true } : {}),
  };
}

/** The answer as far as it doesn't tell of files. */
export function toHeading(job: JobRecord): Omit<JobAnswer, 'artifacts' | 'files' | 'skipped' | 'truncated'> {
  return {
    tool: job.tool,
    sessionId: job.sessionId,
    id: job.id,
    ...job.end,
    limits: job.limits,
    ...(job.timings === undefined ? {} : { timings: job.timings }),
    ...(job.outputComplete === false ? { outputComplete: false } : {}),
  };
}

/** An artifact as it's told of; what it's signed with holds from now on. */
export async function toFileRow(
  job: JobRecord,
  { path: _path, ...row }: ArtifactRow,
  urls: UrlOptions,
): Promise<FileRow> {
  return { ...row, url: await artifactUrl(job, row.name, urls) };
}

/** Whether the answer tells how the program ended: the contract's answer of an execution. */
export function hasEnd(answer: JobAnswer): answer is ExecuteResponse {
  return answer.outcome !== undefined;
}

/** Why a job without an end has none, as its client hears it: with the job's id, and what files there are. */
export function toFailure({ error = UNKNOWN_END, id, sessionId }: JobRecord, answer?: JobAnswer): AppError {
  const details = error.code === 'infra_error' ? { id, sessionId, ...answer } : { id, sessionId };
  return new AppError(error.code, error.message, { details });
}

export async function artifactUrl(
  job: JobRecord,
  name: string,
  { baseUrl, signer }: UrlOptions,
): Promise<string> {
  const path = name.split('/').map(encodeURIComponent).join('/');
  const url = `${baseUrl}/artifacts/${job.sessionId}/${job.id}/${path}`;
  return signer === undefined
    ? url
    : `${url}?${await signer.sign({ sessionId: job.sessionId, jobId: job.id }, name)}`;
}
