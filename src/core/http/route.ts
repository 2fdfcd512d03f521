import type { Handler } from 'hono';
import { AppError } from '../errors.ts';
import type { App, AppContext, AppVariables } from './context.ts';

type Method = 'GET' | 'POST' | 'DELETE';

/** Registers a path with its methods; every other method answers 405 with `Allow`. A GET route answers HEAD as well. */
export function route(
  app: App,
  path: string,
  methods: Partial<Record<Method, Handler<{ Variables: AppVariables }>>>,
): void {
  const names = Object.keys(methods);
  for (const [method, handler] of Object.entries(methods)) app.on(method, path, handler);
  const allow = names.flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name])).join(', ');
  app.all(path, (c: AppContext) => {
    throw new AppError('method_not_allowed', `${c.req.method} is not possible here: use ${allow}.`, {
      headers: { Allow: allow },
    });
  });
}
