import type { ArtifactRow, Manifest } from '../job.ts';

/** The contract's answer; without `exitCode` and `outcome` when the run's end couldn't be found out. */
export function toExecuteResponse(manifest: Manifest, baseUrl: string): Record<string, unknown> {
  const { job } = manifest;
  const files = manifest.files.map((row) => ({
    ...withoutPath(row),
    url: artifactUrl(manifest, row, baseUrl),
  }));
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

function artifactUrl({ job }: Manifest, { name }: ArtifactRow, baseUrl: string): string {
  const path = name.split('/').map(encodeURIComponent).join('/');
  return `${baseUrl}/artifacts/${job.sessionId}/${job.id}/${path}`;
}
