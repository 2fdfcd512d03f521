import { type ToolList, toolList } from '../response-schemas.ts';
import type { ToolHandler } from '../tool-handler.ts';
import type { AppDependencies } from './context.ts';
import { toInputSchema } from './json-schema.ts';
import type { Route } from './route.ts';

/** `GET /tools`: each tool's name, title, description and the JSON Schema of its input. */
export function toolRoutes(deps: AppDependencies): readonly Route[] {
  const list = (): ToolList => ({ tools: deps.tools.list().map(describe) });
  return [
    {
      path: '/tools',
      methods: {
        GET: {
          id: 'listTools',
          summary: 'The tools and what each takes',
          answers: [{ status: 200, description: 'All tools.', content: { json: toolList }, example: list() }],
          errors: [],
          handle: (c) => c.json(list()),
        },
      },
    },
  ];
}

function describe({ name, title, description, input }: ToolHandler): ToolList['tools'][number] {
  return { name, title, description, inputSchema: toInputSchema(input) };
}
