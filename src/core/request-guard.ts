import { AppError } from './errors.ts';

export interface GuardOptions {
  /** Host names beside loopback, lower-case, without port. */
  readonly allowedHosts: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly publicUrl: string | undefined;
}

const HOST_HEADER = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/i;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
const MAX_HOST_LENGTH = 255;

/**
 * The origin by which a request came. Throws 400 when `Host` is none, 403 `host_refused` when it names neither this
 * machine nor a host that the operator listed: a page whose name was rebound to 127.0.0.1 must not reach us.
 */
export function guardHost(request: Request, options: GuardOptions): string {
  const header = request.headers.get('host') ?? new URL(request.url).host;
  const match = header.length <= MAX_HOST_LENGTH ? HOST_HEADER.exec(header) : null;
  const name = match?.[1]?.toLowerCase();
  if (name === undefined || Number(match?.[2] ?? 0) > 65_535) {
    throw new AppError(
      'invalid_request',
      'The Host header names no host: send the host and port that you connect to.',
    );
  }
  const publicHost = options.publicUrl === undefined ? undefined : new URL(options.publicUrl).hostname;
  if (!LOOPBACK.test(name) && name !== publicHost && !options.allowedHosts.includes(name)) {
    throw new AppError(
      'host_refused',
      'This host name is not served: add it to AA_ALLOWED_HOSTS or set PUBLIC_URL.',
    );
  }
  return `${new URL(request.url).protocol}//${header.toLowerCase()}`;
}

/**
 * Refuses what another site's page sends, unless the operator listed its origin. A link to an artifact that is followed
 * from another site is allowed: it shows nothing to that site.
 */
export function guardOrigin(request: Request, requestOrigin: string, options: GuardOptions): void {
  const origin = request.headers.get('origin');
  if (origin !== null) {
    if (isOwn(origin, requestOrigin, options) || options.corsOrigins.includes(origin)) return;
    throw refused();
  }
  const site = request.headers.get('sec-fetch-site');
  if (site === null || site === 'same-origin' || site === 'none') return;
  if (isFollowedLink(request) || isListedReferrer(request, options)) return;
  throw refused();
}

function isOwn(origin: string, requestOrigin: string, { publicUrl }: GuardOptions): boolean {
  return origin === requestOrigin || (publicUrl !== undefined && origin === new URL(publicUrl).origin);
}

function isFollowedLink(request: Request): boolean {
  return (
    (request.method === 'GET' || request.method === 'HEAD') &&
    new URL(request.url).pathname.startsWith('/artifacts/') &&
    request.headers.get('sec-fetch-mode') === 'navigate' &&
    request.headers.get('sec-fetch-dest') === 'document'
  );
}

/** An `<img>` sends no Origin; its page's origin is known by the Referer alone. */
function isListedReferrer(request: Request, { corsOrigins }: GuardOptions): boolean {
  const referer = request.headers.get('referer');
  return referer !== null && URL.canParse(referer) && corsOrigins.includes(new URL(referer).origin);
}

function refused(): AppError {
  return new AppError(
    'origin_refused',
    "Pages of other sites may not call this service: list the page's origin in AA_CORS_ORIGINS.",
  );
}
