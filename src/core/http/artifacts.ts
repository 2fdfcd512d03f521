import contentDisposition from 'content-disposition';
import parseRange from 'range-parser';
import * as v from 'valibot';
import { mayAccess, unauthorized } from '../api-keys.ts';
import type { ByteRange } from '../artifact-store.ts';
import { AppError } from '../errors.ts';
import type { ArtifactRow } from '../jobs/job.ts';
import { readManifest } from '../jobs/manifest.ts';
import { jobId } from '../response-schemas.ts';
import { sessionId } from '../schemas.ts';
import { type JobRef, jobKey } from '../workspace.ts';
import { parseArtifactPath } from './artifact-path.ts';
import type { AppContext, AppDependencies } from './context.ts';
import { EXAMPLE_JOB, EXAMPLE_SESSION } from './examples.ts';
import type { Operation, Parameter, Route } from './route.ts';

/** `GET|HEAD /artifacts/:sessionId/:jobId/:filename`: one artifact of a job's manifest, nothing else. */
export function artifactRoutes(deps: AppDependencies): readonly Route[] {
  const get: Operation = {
    id: 'getArtifact',
    summary: 'One artifact of a finished job',
    description:
      'At the URL that an answer gave, which may be signed. The filename may hold slashes. It downloads, and runs nothing in a browser.',
    access: 'link',
    parameters: PARAMETERS,
    answers: [
      { status: 200, description: 'The whole file.', content: ANY_TYPE, headers: FILE_HEADERS },
      {
        status: 206,
        description: 'The range of it that was asked for.',
        content: ANY_TYPE,
        headers: [...FILE_HEADERS, 'Content-Range'],
      },
      { status: 304, description: 'The reader has it: If-None-Match names its ETag.', headers: ['ETag'] },
    ],
    errors: ['not_found', 'range_not_satisfiable'],
    describesHead: true,
    handle: (c) => serveArtifact(c, deps),
  };
  const path = '/artifacts/:sessionId/:jobId/:filename';
  return [{ path, pattern: '/artifacts/*', methods: { GET: get } }];
}

const ANY_TYPE = { type: '*/*' } as const;
const FILE_HEADERS = ['ETag', 'Accept-Ranges', 'Content-Disposition'] as const;

const PARAMETERS: readonly Parameter[] = [
  {
    in: 'path',
    name: 'sessionId',
    description: 'The job’s session.',
    schema: sessionId,
    example: EXAMPLE_SESSION,
  },
  { in: 'path', name: 'jobId', description: 'The job’s id.', schema: jobId, example: EXAMPLE_JOB },
  {
    in: 'path',
    name: 'filename',
    description: 'The artifact’s name, each part percent-encoded.',
    schema: v.string(),
    example: 'output.txt',
  },
  {
    in: 'header',
    name: 'Range',
    description: 'One range of bytes; several are answered with the whole file.',
    schema: v.optional(v.string()),
    example: 'bytes=0-99',
  },
  {
    in: 'header',
    name: 'If-Range',
    description: 'The ETag of the file that the range is of.',
    schema: v.optional(v.string()),
  },
  {
    in: 'header',
    name: 'If-None-Match',
    description: 'ETags that the reader has.',
    schema: v.optional(v.string()),
  },
  {
    in: 'query',
    name: 'exp',
    description: 'Of a signed URL: until when it opens, in seconds since the epoch.',
    schema: v.optional(v.string()),
  },
];

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
