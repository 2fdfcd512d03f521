import * as v from 'valibot';
import type { AppDependencies } from './context.ts';
import { createDocument } from './openapi-document.ts';
import type { Route } from './route.ts';

const document = v.object({
  openapi: v.string(),
  info: v.object({ title: v.string(), version: v.string() }),
});

/** `GET /openapi.json`: these routes and the registered tools as a document of OpenAPI 3.1. */
export function openApiRoutes(deps: AppDependencies, others: readonly Route[]): readonly Route[] {
  const own: Route = {
    path: '/openapi.json',
    methods: {
      GET: {
        id: 'getOpenApi',
        summary: 'This document',
        answers: [{ status: 200, description: 'OpenAPI 3.1.', content: { json: document } }],
        errors: [],
        handle(c) {
          const servers = [{ url: c.get('baseUrl') }];
          return c.json({ ...get(), servers });
        },
      },
    },
  };
  let made: ReturnType<typeof createDocument> | undefined;
  // At the first request: by then every tool is registered.
  const get = (): ReturnType<typeof createDocument> => {
    made ??= createDocument([...others, own], deps.tools.list(), deps.apiKeys.required);
    return made;
  };
  return [own];
}
