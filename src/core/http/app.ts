import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { requestId } from 'hono/request-id';
import { guardHost, guardOrigin } from '../request-guard.ts';
import { artifactRoutes } from './artifacts.ts';
import { authenticate } from './authenticate.ts';
import type { App, AppDependencies, AppVariables } from './context.ts';
import { handleError, handleNotFound } from './error-handler.ts';
import { executeRoutes } from './execute.ts';
import { healthRoutes } from './health.ts';
import { jobRoutes } from './jobs.ts';
import { metricsRoutes } from './metrics.ts';
import { createOpenStreams, OPEN_STREAMS } from './open-streams.ts';
import { openApiRoutes } from './openapi.ts';
import { DOCUMENT_HEADERS } from './openapi-operation.ts';
import { type Route, register } from './route.ts';
import { toolRoutes } from './tools.ts';

/** Builds the application. Nothing is started, and nothing happens at import. */
export function createApp(deps: AppDependencies): App {
  const app: App = new Hono<{ Variables: AppVariables }>();
  app.onError(handleError);
  app.notFound(handleNotFound);
  // First, so that every answer bears the id, the refused ones too.
  app.use(requestId());
  app.use(async (c, next) => {
    const logger = deps.logger.child({ requestId: c.get('requestId') });
    c.set('logger', logger);
    const begun = performance.now();
    await next();
    const ms = Math.round(performance.now() - begun);
    // A route that makes its own Response doesn't get what was set on the context before.
    c.res.headers.set('X-Request-Id', c.get('requestId'));
    const code = c.get('errorCode');
    const answer = { status: c.res.status, ...(code === undefined ? {} : { code }), ms };
    logger.info({ method: c.req.method, path: c.req.path, ...answer }, 'request');
    if (code !== undefined) deps.metrics.errorAnswered(code);
  });
  app.use(async (c, next) => {
    const origin = guardHost(c.req.raw, deps.guard);
    guardOrigin(c.req.raw, origin, deps.guard);
    c.set('baseUrl', deps.guard.publicUrl ?? origin);
    await next();
  });
  // Before the key is asked for: a preflight carries none, and a refusal must be readable to the page.
  if (deps.guard.corsOrigins.length > 0) {
    app.use(
      cors({
        origin: [...deps.guard.corsOrigins],
        // A page may read what the document says that there is.
        exposeHeaders: Object.keys(DOCUMENT_HEADERS),
      }),
    );
  }
  app.use(authenticate(deps.apiKeys));
  for (const route of createRoutes(deps)) register(app, route);
  return app;
}

/** Every route of the service. */
export function createRoutes(deps: AppDependencies): readonly Route[] {
  // Whoever asked for as many jobs as may be can watch them all.
  const streams = createOpenStreams(Math.max(OPEN_STREAMS, deps.maxInFlight));
  const routes = [
    ...executeRoutes(deps, streams),
    ...toolRoutes(deps),
    ...jobRoutes(deps, streams),
    ...artifactRoutes(deps),
    ...healthRoutes(deps),
    ...metricsRoutes(deps),
  ];
  return [...routes, ...openApiRoutes(deps, routes)];
}
