import contentDisposition from 'content-disposition';
import parseRange from 'range-parser';
import { mayAccess, unauthorized } from '../api-keys.ts';
import type { ByteRange } from '../artifact-store.ts';
import { AppError } from '../errors.ts';
import type { ArtifactRow } from '../jobs/job.ts';
import { readManifest } from '../jobs/manifest.ts';
import { type JobRef, jobKey } from '../workspace.ts';
import { parseArtifactPath } from './artifact-path.ts';
import type { App, AppContext, AppDependencies } from './context.ts';
import { route } from './route.ts';

/** `GET|HEAD /artifacts/:sessionId/:jobId/:filename`: one artifact of a job's manifest, nothing else. */
export function artifactRoutes(app: App, deps: AppDependencies): void {
  route(app, '/artifacts/*', { GET: (c) => serveArtifact(c, deps) });
}

async function serveArtifact(c: AppContext, deps: AppDependencies): Promise<Response> {
  const { job, name } = parseArtifactPath(c.req.raw.url);
  const caller = c.get('caller');
  if (
    caller === undefined &&
    !(await deps.urlSigner.verify(job, name, new URL(c.req.raw.url).searchParams))
  ) {
    throw unauthorized();
  }
  const manifest = await readManifest(deps.store, job);
  const row = manifest?.files.find((file) => file.name === name);
  if (row === undefined || (caller !== undefined && !mayAccess(caller, manifest?.job.owner)))
    throw notFound();
  const headers = toHeaders(row, deps.guard.corsOrigins.length > 0);
  if (matches(c.req.header('if-none-match'), etagOf(row)))
    return new Response(null, { status: 304, headers });
  const range = requestedRange(c, row);
  headers.set('Content-Length', String(range === undefined ? row.size : range.end - range.start + 1));
  if (range !== undefined) headers.set('Content-Range', `bytes ${range.start}-${range.end}/${row.size}`);
  const status = range === undefined ? 200 : 206;
  if (c.req.method === 'HEAD') return new Response(null, { status, headers });
  return new Response(await open(deps, job, row, range), { status, headers });
}

async function open(
  deps: AppDependencies,
  job: JobRef,
  row: ArtifactRow,
  range: ByteRange | undefined,
): Promise<ReadableStream<Uint8Array>> {
  const object = await deps.store.getObject(jobKey(job, row.path), range === undefined ? {} : { range });
  if (object === undefined) throw notFound();
  if (object.size === row.size) return object.body;
  // What lies there now isn't what was listed: its bytes don't belong to this length and ETag.
  await object.body.cancel();
  throw notFound();
}

function etagOf(row: ArtifactRow): string {
  return `"${row.sha256}"`;
}

/** Headers that make any artifact harmless in a browser: it's saved, never sniffed, and runs nothing if shown. */
function toHeaders(row: ArtifactRow, embeddable: boolean): Headers {
  return new Headers({
    'Content-Type': row.mediaType,
    'Content-Disposition': contentDisposition(row.name.split('/').at(-1) ?? row.name),
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "sandbox; default-src 'none'",
    'Cross-Origin-Resource-Policy': embeddable ? 'cross-origin' : 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'private, no-cache',
    'Accept-Ranges': 'bytes',
    ETag: etagOf(row),
  });
}

function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}

/** The one range that was asked for; `undefined` for none, several, or one that isn't understood. */
function requestedRange(c: AppContext, row: ArtifactRow): ByteRange | undefined {
  const header = c.req.header('range');
  const condition = c.req.header('if-range');
  if (header === undefined || (condition !== undefined && condition !== etagOf(row))) return undefined;
  const ranges = parseRange(row.size, withinSize(header, row.size));
  if (ranges === -1) {
    throw new AppError(
      'range_not_satisfiable',
      `The file has ${row.size} bytes: ask for a range within them.`,
      {
        headers: { 'Content-Range': `bytes */${row.size}` },
      },
    );
  }
  if (ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1) return undefined;
  const [range] = ranges;
  return range === undefined ? undefined : { start: range.start, end: range.end };
}

/** The last N bytes of a shorter file are the whole file (RFC 9110, section 14.1.2); the parser takes them for none. */
function withinSize(header: string, size: number): string {
  return header.replace(/(?<=[=,]\s*)-(\d+)/g, (suffix, length) => (Number(length) > size ? '0-' : suffix));
}

function notFound(): AppError {
  return new AppError('not_found', 'There is no such artifact: use a URL from the answer of a finished job.');
}
