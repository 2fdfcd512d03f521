import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClaims, createFacts } from '../../src/storage/facts.ts';
import { makeTempFolder } from '../support/temporary-folder.ts';

let folder: Awaited<ReturnType<typeof makeTempFolder>>;

beforeEach(async () => {
  folder = await makeTempFolder();
});
afterEach(() => folder.remove());

const below = (...parts: readonly string[]): string => join(folder.path, '.supervisor', ...parts);

describe('facts', () => {
  it('are kept as a whole, found by name, and leave nothing half-written', async () => {
    const claims = createClaims(folder.path);
    expect([await claims.read('a'), await claims.names()]).toEqual([undefined, []]);
    await Promise.all([1, 2, 3].map((value) => claims.write('a', { value })));
    await claims.write('b', 'x');
    expect(await claims.read('b')).toBe('x');
    expect([...(await claims.names())].sort()).toEqual(['a', 'b']);
    await claims.remove('a');
    await claims.remove('a');
    expect(await createClaims(folder.path).names()).toEqual(['b']);
    expect(await readdir(below('tmp'))).toEqual([]);
  });

  it('count as absent when they are torn, and fail when nobody can tell whether they are there', async () => {
    const facts = createFacts(folder.path);
    await mkdir(below('unreadable'), { recursive: true });
    await writeFile(below('torn'), '{"a":');
    expect(await facts.read('torn')).toBeUndefined();
    await expect(facts.read('unreadable')).rejects.toMatchObject({ code: 'EISDIR' });
    await writeFile(below('idempotency'), 'no folder');
    await expect(createClaims(folder.path).names()).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it('are readable to nobody else', async () => {
    await createFacts(folder.path).write('secret', 1);
    const { mode } = await stat(below('secret'));
    expect(mode & 0o077).toBe(0);
  });
});
