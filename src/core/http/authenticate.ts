import type { MiddlewareHandler } from 'hono';
import type { ApiKeys } from '../api-keys.ts';
import type { AppVariables } from './context.ts';

/** A word for whoever watches the service; everything else is the callers'. */
const OPEN_ROUTES: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

/**
 * Lets only holders of a key past. Open routes are passed without one, and a signed artifact URL is left to its route to
 * verify; a key that is sent all the same must be right.
 */
export function authenticate(apiKeys: ApiKeys): MiddlewareHandler<{ Variables: AppVariables }> {
  return async (c, next) => {
    const mayDoWithout = OPEN_ROUTES.has(c.req.path) || isSignedArtifact(c.req.raw);
    const sentKey = c.req.header('authorization') !== undefined;
    const open = apiKeys.required && mayDoWithout && !sentKey;
    c.set('caller', open ? undefined : await apiKeys.authenticate(c.req.raw));
    await next();
  };
}

function isSignedArtifact(request: Request): boolean {
  const url = new URL(request.url);
  const reads = request.method === 'GET' || request.method === 'HEAD';
  return reads && url.pathname.startsWith('/artifacts/') && url.searchParams.has('sig');
}
