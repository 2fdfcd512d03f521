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
    logger.info({ method: c.req.method, path: c.req.path, status: c.res.status, ms }, 'request');
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
        exposeHeaders: ['X-Request-Id', 'Location', 'Retry-After'],
      }),
    );
  }
  app.use(authenticate(deps.apiKeys));
  healthRoutes(app, deps);
  toolRoutes(app, deps);
  executeRoutes(app, deps);
  jobRoutes(app, deps);
  artifactRoutes(app, deps);
  return app;
}
