import type { ArtifactRow, Manifest } from '../job.ts';
import type { UrlSigner } from '../url-signer.ts';

/**
 * The contract's answer; without `exitCode` and `outcome` when the run's end couldn't be found out.
 *
 * @param signer signs the artifacts' URLs; absent where they open without a key anyway
 */
export async function toExecuteResponse(
  manifest: Manifest,
  baseUrl: string,
  signer: UrlSigner | undefined,
): Promise<Record<string, unknown>> {
  const { job } = manifest;
  const files = await Promise.all(
    manifest.files.map(async (row) => ({
      ...withoutPath(row),
      url: await artifactUrl(manifest, row, baseUrl, signer),
    })),
  );
  const urls = (kind: ArtifactRow['kind']): Record<string, string> =>
    Object.fromEntries(files.filter((file) => file.kind === kind).map(({ name, url }) => [name, url]));
  return {
    tool: job.tool,
    sessionId: job.sessionId,
    id: job.id,
    ...job.end,
    limits: job.limits,
    timings: job.timings,
    ...(job.outputComplete === false ? { outputComplete: false } : {}),
    artifacts: { inputs: urls('input'), outputs: urls('output') },
    files,
    skipped: manifest.skipped,
    ...(manifest.truncated ? { truncated: true } : {}),
  };
}

function withoutPath({ path: _path, ...row }: ArtifactRow): Omit<ArtifactRow, 'path'> {
  return row;
}

async function artifactUrl(
  { job }: Manifest,
  { name }: ArtifactRow,
  baseUrl: string,
  signer: UrlSigner | undefined,
): Promise<string> {
  const path = name.split('/').map(encodeURIComponent).join('/');
  const url = `${baseUrl}/artifacts/${job.sessionId}/${job.id}/${path}`;
  return signer === undefined
    ? url
    : `${url}?${await signer.sign({ sessionId: job.sessionId, jobId: job.id }, name)}`;
}
