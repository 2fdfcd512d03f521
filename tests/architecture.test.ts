import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { parseSync } from 'oxc-parser';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SRC = join(ROOT, 'src');

/** Packages that core may import: each runs unchanged on workerd. */
const EDGE_PACKAGES = new Set([
  'hono',
  'valibot',
  '@valibot/to-json-schema',
  'mime',
  'range-parser',
  'content-disposition',
]);

/** Core files that runtimes and storage may use. */
const CONTRACTS = ['container-runtime', 'artifact-store', 'workspace', 'errors', 'logger'];

interface Source {
  /** Below `src`, `/`-separated. */
  readonly path: string;
  readonly text: string;
  readonly program: unknown;
  readonly imports: readonly string[];
}

const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map(toSource)
  .sort((a, b) => a.path.localeCompare(b.path));

function toSource(file: string): Source {
  const path = file.replaceAll('\\', '/');
  const text = readFileSync(join(SRC, file), 'utf8');
  const { program, module, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  const reexports = module.staticExports.flatMap(({ entries }) =>
    entries.map((entry) => entry.moduleRequest?.value),
  );
  const dynamic = module.dynamicImports.map(({ moduleRequest: { start, end } }) =>
    text.slice(start, end).replace(/^['"`]|['"`]$/g, ''),
  );
  const imports = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...reexports,
    ...dynamic,
  ];
  return { path, text, program, imports: [...new Set(imports.filter((name) => name !== undefined))] };
}

/** An import of ours as a path below `src`; anything else as it stands. */
function resolveImport(from: Source, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier;
  return relative(SRC, join(SRC, dirname(from.path), specifier)).replaceAll('\\', '/');
}

const packageOf = (name: string): string =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
const isOurs = (target: string): boolean => /^[\w-]+(\/[\w.-]+)*\.ts$/.test(target);
const below =
  (folder: string) =>
  (target: string): boolean =>
    target.startsWith(`${folder}/`);

function isContract(target: string): boolean {
  return CONTRACTS.some((name) => target === `core/${name}.ts`);
}

/** What a tool may use of core. */
const TOOL_PARTS = ['core/tool-handler.ts', 'core/schemas.ts', 'core/errors.ts'];

type Rule = (target: string, from: Source) => boolean;

/** Who may import what; the first folder that fits decides. Packages are free where a rule doesn't name them. */
const RULES: readonly (readonly [folder: string, allowed: Rule])[] = [
  ['core/', (target) => below('core')(target) || EDGE_PACKAGES.has(packageOf(target))],
  ['runtimes/index.ts', (target) => below('runtimes')(target) || isContract(target)],
  [
    'runtimes/',
    (target, from) =>
      inOwnFolder(target, from) || below('runtimes/shared')(target) || isContract(target) || outside(target),
  ],
  ['storage/index.ts', (target) => below('storage')(target) || isContract(target)],
  ['storage/memory/', (target) => below('storage')(target) || isContract(target)],
  ['storage/', (target) => below('storage')(target) || isContract(target) || outside(target)],
  ['tools/', (target) => TOOL_PARTS.includes(target) || EDGE_PACKAGES.has(packageOf(target))],
  ['metrics/', (target) => below('core')(target) || below('metrics')(target) || outside(target)],
  ['doctor/', (target) => below('core')(target) || below('doctor')(target)],
  ['adapters/', (target) => below('core')(target) || below('adapters')(target) || outside(target)],
  ['service.ts', (target) => isOurs(target) && !/^(runtimes|storage)\/.+\//.test(target)],
  ['index.ts', (target) => outside(target) || !/^(runtimes|storage)\/.+\//.test(target)],
];

const outside = (target: string): boolean => !isOurs(target);

function inOwnFolder(target: string, from: Source): boolean {
  return target.startsWith(`${from.path.split('/').slice(0, 2).join('/')}/`);
}

describe('who may import whom', () => {
  it('sees imports: of types, re-exported and dynamic ones too', () => {
    const all = sources.flatMap((source) =>
      source.imports.map((name) => `${source.path} ${resolveImport(source, name)}`),
    );
    expect(all).toContain('core/supervisor.ts core/engine-gate.ts');
    expect(all).toContain('index.ts adapters/node.ts');
    expect(all).toContain('adapters/node.ts node:http');
  });

  it.each(sources.map((source) => [source.path, source] as const))('%s', (path, source) => {
    const rule = RULES.find(([folder]) => path.startsWith(folder));
    if (rule === undefined)
      throw new Error(`no rule for ${path}: add its folder to RULES and docs/architecture.md`);
    const targets = source.imports.map((name) => resolveImport(source, name));
    expect(targets.filter((target) => !rule[1](target, source))).toEqual([]);
  });

  it('core names no global of one platform', () => {
    const named = sources
      .filter(({ path }) => path.startsWith('core/') || path.startsWith('tools/'))
      .filter(({ text }) =>
        /\b(process\.|Buffer\b|Bun\.|__dirname|globalThis\.)/.test(
          text.replace(/`[^`]*`|\/\*[\s\S]*?\*\/|\/\/.*/g, ''),
        ),
      )
      .map(({ path }) => path);
    expect(named).toEqual([]);
  });

  it('no file imports itself in a circle through values', async () => {
    const graph = new Map(sources.map((source) => [source.path, valueImports(source)]));
    expect(findCircle(graph)).toBeUndefined();
  });
});

/** Imports that exist at run time. */
function valueImports(source: Source): string[] {
  const { module } = parseSync(source.path, source.text);
  return module.staticImports
    .filter(({ entries }) => entries.length === 0 || entries.some((entry) => !entry.isType))
    .map(({ moduleRequest }) => resolveImport(source, moduleRequest.value))
    .filter(isOurs);
}

function findCircle(graph: ReadonlyMap<string, readonly string[]>): string | undefined {
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): string | undefined => {
    if (way.includes(path)) return [...way, path].join(' → ');
    if (done.has(path)) return undefined;
    for (const next of graph.get(path) ?? []) {
      const circle = visit(next, [...way, path]);
      if (circle !== undefined) return circle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of graph.keys()) {
    const circle = visit(path, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

describe('sizes', () => {
  const lengths = sources.map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }));
  const quantile = (share: number): number =>
    lengths.map(({ lines }) => lines).sort((a, b) => a - b)[Math.ceil(share * lengths.length) - 1] ?? 0;

  it('half of the files have at most 120 lines, nine of ten at most 260, none more than 400', () => {
    expect(quantile(0.5)).toBeLessThanOrEqual(120);
    expect(quantile(0.9)).toBeLessThanOrEqual(260);
    expect(lengths.filter(({ lines }) => lines > 400)).toEqual([]);
  });

  it('no function has more than 80 lines', () => {
    const long = sources.flatMap(({ path, text, program }) =>
      functionsOf(program)
        .map(({ start, end }) => ({
          at: `${path}:${text.slice(0, start).split('\n').length}`,
          lines: text.slice(start, end).split('\n').length,
        }))
        .filter(({ lines }) => lines > 80),
    );
    expect(long).toEqual([]);
  });

  it('an adapter has at most 150 lines', () => {
    expect(lengths.filter(({ path, lines }) => path.startsWith('adapters/') && lines > 150)).toEqual([]);
  });
});

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

function isNodeOfTree(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value && 'end' in value;
}

function functionsOf(program: unknown): Node[] {
  const all: Node[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (isNodeOfTree(value)) {
      if (/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(value.type))
        all.push(value);
      Object.values(value).forEach(visit);
    }
  };
  visit(program);
  return all;
}

describe('habits', () => {
  it('no default export and no enum', () => {
    const found = sources.filter(({ program }) =>
      /"type":"(ExportDefaultDeclaration|TSEnumDeclaration)"/.test(toJson(program)),
    );
    expect(found.map(({ path }) => path)).toEqual([]);
  });

  it('file names are lower-case words joined by dashes', () => {
    expect(sources.filter(({ path }) => !/^[a-z0-9/-]+\.ts$/.test(path)).map(({ path }) => path)).toEqual([]);
  });
});

/** Big integers and regular expressions of the tree don't matter here. */
function toJson(program: unknown): string {
  return JSON.stringify(program, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}

describe('core on the edge', () => {
  it('bundles without a built-in module, from the named packages only', async () => {
    const entries = ['core/http/app.ts', 'core/supervisor.ts', 'core/config.ts', 'tools/code-execution.ts'];
    const { outputFiles, metafile } = await build({
      entryPoints: entries.map((path) => join(SRC, path)),
      outdir: 'out',
      absWorkingDir: ROOT,
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'neutral',
      mainFields: ['module', 'main'],
      conditions: ['workerd', 'worker', 'import', 'default'],
      logLevel: 'silent',
    });
    expect(outputFiles.length).toBe(entries.length);
    const inputs = Object.keys(metafile.inputs);
    const packages = new Set(
      inputs
        .filter((path) => path.includes('node_modules/'))
        .map((path) => packageOf(path.split('node_modules/').at(-1) ?? '')),
    );
    expect([...packages].filter((name) => !EDGE_PACKAGES.has(name))).toEqual([]);
    const external = Object.values(metafile.outputs).flatMap(({ imports }) =>
      imports.filter((each) => each.external === true).map(({ path }) => path),
    );
    expect(external).toEqual([]);
  });
});
