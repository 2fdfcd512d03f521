import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readOwnKey } from '../../scripts/lib/own-key.js';
import { keepOwnKey } from '../../src/storage/own-key.ts';
import { makeTempFolder } from '../support/temporary-folder.ts';

it.each([
  ['', '.aa-storage'],
  ['~/jobs', 'jobs'],
  ['$HOME/jobs', 'jobs'],
])('the set-up finds the key of the service whose AA_STORAGE_PATH is "%s"', async (value, below) => {
  const { path: home, remove } = await makeTempFolder();
  const root = join(home, below);
  await mkdir(join(root, '.supervisor'), { recursive: true });
  const { key } = await keepOwnKey(root);
  expect(readOwnKey({ AA_STORAGE_PATH: value }, home)).toBe(key);
  await remove();
});
