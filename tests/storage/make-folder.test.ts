import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder } from '../../src/storage/disk/make-folder.ts';
import { createStorage, openWorkspaces } from '../../src/storage/index.ts';
import { NOT_LINUX, titleOf } from '../support/skips.ts';
import { makeTempFolder } from '../support/temporary-folder.ts';

let folder: Awaited<ReturnType<typeof makeTempFolder>>;

beforeEach(async () => {
  folder = await makeTempFolder();
});
afterEach(() => folder.remove());

describe('makeFolder', () => {
  it('makes what is missing on the way, for nobody else, and is content with what is there', async () => {
    const path = join(folder.path, 'a', 'b');
    await Promise.all([1, 2, 3].map(() => makeFolder(path, 0o700)));
    await makeFolder(path, 0o700);
    for (const made of [path, join(folder.path, 'a')]) expect((await stat(made)).mode & 0o777).toBe(0o700);
  });

  it('says what stands in the way', async () => {
    await writeFile(join(folder.path, 'file'), '');
    await expect(makeFolder(join(folder.path, 'file'), 0o700)).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeFolder(join(folder.path, 'file', 'x'), 0o700)).rejects.toMatchObject({
      code: 'ENOTDIR',
    });
  });
});

const title = titleOf('a storage folder where the kernel makes none', NOT_LINUX);

describe.skipIf(NOT_LINUX !== undefined)(title, () => {
  it('is refused with a cure, instead of being tried for ever', async () => {
    await expect(makeFolder('/proc/nowhere/a', 0o700)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(createStorage({ root: '/proc/nowhere' })).rejects.toThrow(/ENOENT.*AA_STORAGE_PATH/);
    await expect(openWorkspaces({ root: '/proc/nowhere' }).workspaces.free()).rejects.toThrow();
  });
});
