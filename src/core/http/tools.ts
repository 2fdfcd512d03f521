import { toJsonSchema } from '@valibot/to-json-schema';
import { STRING_MAP_JSON_SCHEMA, stringMap } from '../schemas.ts';
import type { ToolHandler } from '../tool-handler.ts';
import type { App, AppDependencies } from './context.ts';
import { route } from './route.ts';

/** `GET /tools`: each tool's name, title, description and the JSON Schema of its input. */
export function toolRoutes(app: App, deps: AppDependencies): void {
  route(app, '/tools', { GET: (c) => c.json({ tools: deps.tools.list().map(describe) }) });
}

function describe({ name, title, description, input }: ToolHandler): Record<string, unknown> {
  // Rules that JSON Schema can't say (checks over several fields) are left out of it and still apply.
  const schema = toJsonSchema(input, {
    typeMode: 'input',
    errorMode: 'ignore',
    overrideSchema: ({ valibotSchema }) => (valibotSchema === stringMap ? STRING_MAP_JSON_SCHEMA : undefined),
  });
  return { name, title, description, inputSchema: schema };
}
