import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStorage } from '../../src/storage/index.ts';
import { keepOwnKey } from '../../src/storage/own-key.ts';
import { makeTempFolder } from '../support/temporary-folder.ts';

let folder: Awaited<ReturnType<typeof makeTempFolder>>;
let path: string;

beforeEach(async () => {
  folder = await makeTempFolder();
  path = join(folder.path, '.supervisor', 'api-key');
});
afterEach(() => folder.remove());

describe('a service’s own key', () => {
  it('is made once, kept for its owner alone, and the same ever after', async () => {
    const storage = await createStorage({ root: folder.path });
    const made = await storage.ownKey();
    await storage.close();
    expect(made).toEqual({ key: expect.stringMatching(/^[0-9a-f]{48}$/), path, isNew: true });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, 'utf8')).toBe(`${made.key}\n`);
    expect(await keepOwnKey(folder.path)).toEqual({ ...made, isNew: false });
  });

  it('of another folder is another', async () => {
    for (const name of ['a', 'b']) await mkdir(join(folder.path, name, '.supervisor'), { recursive: true });
    const [a, b] = await Promise.all(['a', 'b'].map((name) => keepOwnKey(join(folder.path, name))));
    expect(a?.key).not.toBe(b?.key);
  });

  it('is closed to others again when somebody opened it', async () => {
    await mkdir(join(folder.path, '.supervisor'));
    await keepOwnKey(folder.path);
    await chmod(path, 0o644);
    await keepOwnKey(folder.path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it.each(['', 'short', 'two words of 24 characters'])(
    'is never %j: the start says what to do',
    async (text) => {
      await mkdir(join(folder.path, '.supervisor'));
      await writeFile(path, text);
      await expect(keepOwnKey(folder.path)).rejects.toThrow(/holds no key: remove it/);
    },
  );
});
