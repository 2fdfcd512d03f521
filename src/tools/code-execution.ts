import type { InferOutput } from 'valibot';
import { codeExecutionInput, DEFAULT_FILENAMES, type Language } from '../core/schemas.ts';
import type { ToolHandler } from '../core/tool-handler.ts';

type Input = InferOutput<typeof codeExecutionInput>;
type InputFile = NonNullable<Input['files']>[number];

/** Runs source text in Python, Node.js, Bun or Bash. */
export const codeExecution: ToolHandler<typeof codeExecutionInput> = {
  name: 'code_execution',
  title: 'Code execution',
  description: 'Runs source text in Python, Node.js, Bun or Bash and hands back its output and files.',
  input: codeExecutionInput,
  async execute(input, context) {
    const filename = input.filename ?? DEFAULT_FILENAMES[input.language];
    await context.writeInputs([
      { path: filename, content: new TextEncoder().encode(input.code) },
      ...(input.files ?? []).map((file) => ({ path: file.path, content: toBytes(file) })),
    ]);
    return context.runContainer({
      args: [...INTERPRETERS[input.language].command, toScriptArgument(filename), ...(input.args ?? [])],
      env: { ...INTERPRETERS[input.language].env, ...input.env },
      ...(input.stdin === undefined ? {} : { stdin: new TextEncoder().encode(input.stdin) }),
    });
  },
};

interface Interpreter {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const INTERPRETERS: Readonly<Record<Language, Interpreter>> = {
  python: {
    command: ['python3'],
    env: {
      // Unbuffered, or what was printed before a time-out would die with the process.
      PYTHONUNBUFFERED: '1',
      PYTHONPYCACHEPREFIX: '/tmp/.cache/python',
      MPLCONFIGDIR: '/tmp/.cache/matplotlib',
    },
  },
  node: { command: ['node'], env: {} },
  bun: {
    command: ['bun', '--no-install'],
    env: {
      BUN_INSTALL_CACHE_DIR: '/tmp/.cache/bun',
      BUN_RUNTIME_TRANSPILER_CACHE_PATH: '/tmp/.cache/bun-transpiler',
      DO_NOT_TRACK: '1',
    },
  },
  bash: { command: ['bash'], env: {} },
};

/** A file name that begins with a dash would be read as an option. */
function toScriptArgument(filename: string): string {
  return filename.startsWith('-') ? `./${filename}` : filename;
}

function toBytes(file: InputFile): Uint8Array {
  if (file.encoding === 'utf8') return new TextEncoder().encode(file.content);
  const binary = atob(file.content);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index += 1) bytes[index] = binary.charCodeAt(index);
  return bytes;
}
