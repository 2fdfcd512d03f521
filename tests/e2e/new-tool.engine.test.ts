import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ShortAnswer, textOf } from '../support/client.ts';
import { loadDocument } from '../support/openapi.ts';
import { startServiceProcess } from '../support/start-service.ts';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PARTS = ['src', 'package.json', 'tsconfig.json'];

interface Steps {
  readonly schema: string;
  readonly handler: string;
  readonly registration: string;
  /** The body of the request in the last step. */
  readonly request: Readonly<Record<string, unknown>>;
}

/** The code of the four steps as README tells them. */
function readSteps(): Steps {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const chapter = /^## Adding a tool$(.*?)^## /ms.exec(readme)?.[1] ?? '';
  const blocks = [...chapter.matchAll(/^ {3}```\w+\n(.*?)^ {3}```$/gms)].map(([, code = '']) =>
    code.replace(/^ {3}/gm, ''),
  );
  const [schema = '', handler = '', registration = '', call = ''] = blocks;
  expect(blocks).toHaveLength(4);
  const request = JSON.parse(/-d '(.*)'/.exec(call)?.[1] ?? '') as Steps['request'];
  return { schema, handler, registration, request };
}

/** Does the first three steps in a copy of the tree. */
function addTool(tree: string, { schema, handler, registration }: Steps): void {
  appendFileSync(join(tree, 'src/core/schemas.ts'), `\n${schema}`);
  writeFileSync(join(tree, 'src/tools/word-count.ts'), handler);
  const [importLine = '', registerLine = ''] = registration.trim().split('\n');
  const index = join(tree, 'src/index.ts');
  const beside = 'toolRegistry.register(codeExecution);';
  const text = readFileSync(index, 'utf8');
  expect(text).toContain(beside);
  writeFileSync(index, `${importLine}\n${text.replace(beside, `${beside}\n  ${registerLine}`)}`);
}

describe('a tool added by the four steps of README', () => {
  let tree: string;
  const steps = readSteps();
  beforeEach(() => {
    tree = makeTemporaryFolder('tree');
    for (const part of PARTS) cpSync(join(ROOT, part), join(tree, part), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
    addTool(tree, steps);
  });
  afterEach(() => removeFolder(tree));

  it('is well typed', () => {
    execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '--noEmit', '-p', tree]);
  });

  it.each(['node', 'bun'] as const)('on %s is listed, described, and runs', async (on) => {
    const service = await startServiceProcess({ on, entry: join(tree, 'src/index.ts') });
    const get = (path: string): Promise<Response> => fetch(`${service.url}${path}`);

    const { tools } = (await (await get('/tools')).json()) as {
      tools: { name: string; inputSchema: object }[];
    };
    expect(tools.map(({ name }) => name)).toEqual(['code_execution', 'word_count']);
    expect(tools[1]?.inputSchema).toMatchObject({ required: ['text'], additionalProperties: false });

    const document = await loadDocument(get);
    const body = document.paths['/tools/execute']?.post?.requestBody?.content['application/json'];
    const ref = '#/components/schemas/word_count_request';
    expect(body?.schema).toMatchObject({
      oneOf: [{ $ref: '#/components/schemas/code_execution_request' }, { $ref: ref }],
      discriminator: { mapping: { word_count: ref } },
    });
    expect(Object.values(body?.examples ?? {}).map(({ value }) => value)).toContainEqual(
      expect.objectContaining({ tool: 'word_count', text: 'one two three' }),
    );
    expect(document.components.schemas.word_count_request).toMatchObject({
      properties: { tool: { const: 'word_count' }, text: { type: 'string' }, timeoutMs: {} },
    });

    const response = await fetch(`${service.url}/tools/execute`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(steps.request),
    });
    expect(response.status).toBe(200);
    expect(await textOf((await response.json()) as ShortAnswer, 'stdout')).toBe('3 text.txt\n');

    // The form at /debug/word-count follows from the same schema: its check belongs here.

    const metrics = await (await get('/metrics')).text();
    expect(metrics).toContain('aa_jobs_total{tool="word_count",language="none",outcome="exited"} 1');
    await service.stop();
  });
});
