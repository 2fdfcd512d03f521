import { AppError } from '../errors.ts';
import type { ArtifactRow, JobRecord, Manifest } from '../jobs/job.ts';
import { UNKNOWN_END } from '../jobs/run-job.ts';
import type { UrlSigner } from '../url-signer.ts';

/** What the URLs of an answer are made with. */
export interface UrlOptions {
  /** Without a trailing `/`. */
  readonly baseUrl: string;
  /** Signs the artifacts' URLs; absent where they open without a key anyway. */
  readonly signer: UrlSigner | undefined;
}

/** An artifact as answers show it. */
export type FileRow = Omit<ArtifactRow, 'path'> & { readonly url: string };

export interface ExecuteResponse {
  readonly tool: string;
  readonly sessionId: string;
  readonly id: string;
  readonly artifacts: Readonly<Record<'inputs' | 'outputs', Readonly<Record<string, string>>>>;
  readonly files: readonly FileRow[];
  readonly [field: string]: unknown;
}

/** The contract's answer; without `exitCode` and `outcome` when the job has no end that is known. */
export async function toExecuteResponse(manifest: Manifest, urls: UrlOptions): Promise<ExecuteResponse> {
  const { job } = manifest;
  const files = await Promise.all(
    manifest.files.map(async ({ path: _path, ...row }) => ({
      ...row,
      url: await artifactUrl(job, row.name, urls),
    })),
  );
  const urlsOf = (kind: ArtifactRow['kind']): Record<string, string> =>
    Object.fromEntries(files.filter((file) => file.kind === kind).map(({ name, url }) => [name, url]));
  return {
    tool: job.tool,
    sessionId: job.sessionId,
    id: job.id,
    ...job.end,
    limits: job.limits,
    ...(job.timings === undefined ? {} : { timings: job.timings }),
    ...(job.outputComplete === false ? { outputComplete: false } : {}),
    artifacts: { inputs: urlsOf('input'), outputs: urlsOf('output') },
    files,
    skipped: manifest.skipped,
    ...(manifest.truncated ? { truncated: true } : {}),
  };
}

/** Why a job without an end has none, as its client hears it: with the job's id, and what files there are. */
export function toFailure({ error = UNKNOWN_END }: JobRecord, response: ExecuteResponse): AppError {
  const { id, sessionId } = response;
  const details = error.code === 'infra_error' ? { ...response } : { id, sessionId };
  return new AppError(error.code, error.message, { details });
}

async function artifactUrl(job: JobRecord, name: string, { baseUrl, signer }: UrlOptions): Promise<string> {
  const path = name.split('/').map(encodeURIComponent).join('/');
  const url = `${baseUrl}/artifacts/${job.sessionId}/${job.id}/${path}`;
  return signer === undefined
    ? url
    : `${url}?${await signer.sign({ sessionId: job.sessionId, jobId: job.id }, name)}`;
}
