import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ensureDependencies, findLack } from '../../scripts/lib/dependencies.js';
import { makeFolder, makePrograms } from './fixtures.ts';

const LOCKED = {
  '': { version: '0.1.0' },
  'node_modules/hono': { version: '4.13.19' },
  'node_modules/tsx': { version: '4.23.15' },
  'node_modules/tsx/node_modules/esbuild': { version: '0.28.2' },
  'node_modules/only-on-arm': { version: '1.0.0', optional: true },
};

function writeJson(path: string, value: unknown) {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, JSON.stringify(value));
}

/** A project whose lock file names LOCKED; `installed` is what npm's hidden lock file says, if it is there. */
function makeProject(installed?: Record<string, unknown>): string {
  const root = makeFolder();
  writeJson(join(root, 'package-lock.json'), { packages: LOCKED });
  if (installed) writeJson(join(root, 'node_modules/.package-lock.json'), { packages: installed });
  return root;
}

describe('dependencies', () => {
  it('are lacking before any installation', () => {
    expect(findLack(makeProject())).toBe('not installed yet');
  });

  it('are complete when every locked version is there, optional ones aside', () => {
    const { '': _root, 'node_modules/only-on-arm': _optional, ...installed } = LOCKED;
    expect(findLack(makeProject(installed))).toBeUndefined();
  });

  it('are lacking when a nested package has another version', () => {
    const installed = { ...LOCKED, 'node_modules/tsx/node_modules/esbuild': { version: '0.27.0' } };
    expect(findLack(makeProject(installed))).toContain('esbuild is 0.27.0, 0.28.2 is locked');
  });

  it('are judged package by package where another package manager installed them', () => {
    const root = makeProject();
    writeJson(join(root, 'node_modules/hono/package.json'), { version: '4.13.19' });
    expect(findLack(root)).toContain('tsx is missing');
    writeJson(join(root, 'node_modules/tsx/package.json'), { version: '4.23.15' });
    expect(findLack(root)).toBeUndefined();
  });

  it('are installed by npm ci, once', async () => {
    const root = makeProject();
    const bin = makePrograms({
      npm: `echo "$*" >> calls; mkdir -p node_modules; cp package-lock.json node_modules/.package-lock.json`,
    });
    const env = { PATH: `${bin}:/usr/bin:/bin` };
    await ensureDependencies(root, env);
    await ensureDependencies(root, env);
    expect(readFileSync(join(root, 'calls'), 'utf8')).toBe('ci --no-audit --no-fund\n');
  });

  it('end the set-up with what npm said', async () => {
    const env = { PATH: `${makePrograms({ npm: 'echo disk full >&2; exit 1' })}:/usr/bin:/bin` };
    await expect(ensureDependencies(makeProject(), env)).rejects.toThrow(/disk full/);
  });
});
