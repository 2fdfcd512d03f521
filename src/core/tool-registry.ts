import { AppError } from './errors.ts';
import type { ToolHandler, ToolInputSchema } from './tool-handler.ts';

const TOOL_NAME = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;

/** The tools of this service by name. */
export interface ToolRegistry {
  /** Throws when the name is taken or can't stand in a URL. */
  register<S extends ToolInputSchema>(tool: ToolHandler<S>): void;
  /** Throws `unknown_tool` with the names that there are. */
  get(name: string): ToolHandler;
  /** In the order of registration. */
  list(): readonly ToolHandler[];
}

export function createToolRegistry(): ToolRegistry {
  const tools = new Map<string, ToolHandler>();
  return {
    register(tool) {
      if (!TOOL_NAME.test(tool.name)) {
        throw new Error(`Tool name "${tool.name}" isn't lower-case words joined by "_": rename the tool.`);
      }
      if (tools.has(tool.name))
        throw new Error(`Tool "${tool.name}" is registered already: remove one of the two.`);
      // The registry hands a tool only what its own schema has parsed, so the input's type may be forgotten here.
      tools.set(tool.name, tool as unknown as ToolHandler);
    },
    get(name) {
      const tool = tools.get(name);
      if (tool === undefined) {
        const names = [...tools.keys()].join(', ');
        throw new AppError('unknown_tool', `There is no tool of this name: use one of ${names}.`);
      }
      return tool;
    },
    list: () => [...tools.values()],
  };
}
