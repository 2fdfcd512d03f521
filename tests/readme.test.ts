import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../src/core/config.ts';

const ROOT = join(import.meta.dirname, '..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const HOST = { cores: 4, home: '/home/you', cwd: '/srv/app' };

/** From this heading to the next one of the same kind or of a higher one. */
function chapter(heading: string): string {
  const [level = ''] = heading.split(' ');
  const rest = README.split(`\n${heading}\n`)[1];
  if (rest === undefined) throw new Error(`README has no ${heading}`);
  return rest.split(new RegExp(`\n#{2,${level.length}} `))[0] ?? '';
}

describe('README’s .env for each machine', () => {
  const text = chapter('### `.env` for your machine');
  const blocks = [...text.matchAll(/^\*\*(.+?)\*\*[^`]*?[\s\S]*?\n```bash\n([\s\S]*?)```/gm)].map(
    ([, machine = '', env = '']) => [machine, parseEnv(env)] as const,
  );

  it('is there for five', () => {
    expect(blocks.map(([machine]) => machine)).toEqual([
      'Linux and Docker',
      'Linux and rootless Podman',
      'Linux and rootful Podman',
      'macOS and Docker Desktop',
      'macOS and Podman',
    ]);
  });

  it.each(blocks)('%s: is understood, and its paths are written out', (_, env) => {
    const { socketPath, storagePath } = parseConfig(env, HOST);
    expect({ DOCKER_SOCKET_PATH: socketPath, AA_STORAGE_PATH: storagePath }).toEqual(env);
  });
});

/** What the sources say: each literal of a line, its parts that are put in at run time as a pattern. */
function readSayings(): readonly { readonly words: string; readonly pattern: RegExp }[] {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  const text = files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(ROOT, 'src', file), 'utf8'))
    .join('\n');
  const literals = text.match(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\\n]|\\.)*`/g) ?? [];
  return literals.map((literal) => {
    const words = literal.slice(1, -1).replace(/\\(.)/g, '$1');
    const parts = words.split(/\$\{[^}]*\}/);
    const escaped = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    // What is little more than values would match anything.
    const pattern = parts.join('').length < 20 ? /^$/ : new RegExp(`^${escaped.join('.+')}$`, 'i');
    return { words: words.toLowerCase(), pattern };
  });
}

describe('README’s troubleshooting', () => {
  const text = `${chapter("### When the container doesn't work")}\n${chapter("## When it doesn't work")}`;
  const quoted = [...text.matchAll(/^\*\*[^\n]*?"([^"]+)"/gm), ...text.matchAll(/^- _(.+?)_(?=[ :])/gm)];
  const phrases = quoted.map(([, phrase = '']) => phrase);
  const sayings = readSayings();

  it('quotes messages', () => {
    expect(phrases.length).toBeGreaterThan(9);
  });

  it.each(phrases)('“%s” is what the service says', (phrase) => {
    const says = sayings.filter(
      ({ words, pattern }) => words.includes(phrase.toLowerCase()) || pattern.test(phrase),
    );
    expect(says).not.toEqual([]);
  });
});
