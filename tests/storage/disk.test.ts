import { execFileSync } from 'node:child_process';
import { link, mkdir, readdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ArtifactStore } from '../../src/core/artifact-store.ts';
import { createDiskStore } from '../../src/storage/disk/index.ts';
import { describeArtifactStore } from '../contract/artifact-store.ts';
import { makeTempFolder, openBelow } from '../support/temporary-folder.ts';
import { toArray } from '../support/to-array.ts';

describeArtifactStore('disk', async () => {
  const folder = await makeTempFolder();
  return {
    store: createDiskStore({ root: join(folder.path, 'made', 'when-missing') }),
    async leftovers() {
      const scratch = join(folder.path, 'made', 'when-missing', '.supervisor', 'tmp');
      return [...(await readdir(scratch).catch(() => [])), ...(await openBelow(folder.path))];
    },
    dispose: folder.remove,
  };
});

describe('disk store', () => {
  let folder: Awaited<ReturnType<typeof makeTempFolder>>;
  let root: string;
  let outside: string;
  let store: ArtifactStore;

  beforeEach(async () => {
    folder = await makeTempFolder();
    root = join(folder.path, 'root');
    outside = join(folder.path, 'outside');
    await mkdir(join(root, 's/job-1/workspace'), { recursive: true });
    await mkdir(outside);
    await writeFile(join(outside, 'secret'), 'secret');
    store = createDiskStore({ root });
  });

  afterEach(() => folder.remove());

  const inWorkspace = (name: string): string => join(root, 's/job-1/workspace', name);
  const keyOf = (name: string): string => `s/job-1/workspace/${name}`;
  const expectHidden = async (...names: string[]): Promise<void> => {
    for (const name of names) {
      expect(await store.headObject(keyOf(name))).toBeUndefined();
      expect(await store.getObject(keyOf(name))).toBeUndefined();
    }
    expect(await toArray(store.listObjects(''))).toEqual([]);
  };

  it('holds what lies in a job folder', async () => {
    await writeFile(inWorkspace('plot.png'), 'png');
    expect(await toArray(store.listObjects('s/'))).toEqual([{ key: keyOf('plot.png'), size: 3 }]);
    expect(await new Response((await store.getObject(keyOf('plot.png')))?.body ?? null).text()).toBe('png');
  });

  it('follows no link, neither as a file nor as a folder on the way', async () => {
    await symlink(join(outside, 'secret'), inWorkspace('link'));
    await symlink('/proc/self/environ', inWorkspace('environ'));
    await symlink(outside, inWorkspace('folder'));
    await symlink('/', inWorkspace('root'));
    await expectHidden('link', 'environ', 'folder/secret', 'root/etc/passwd');
    await expect(store.putObject(keyOf('folder/new'), new Uint8Array(1))).rejects.toMatchObject({
      code: 'unavailable',
    });
    await store.deleteObject(keyOf('folder/secret'));
    expect(await readdir(outside)).toEqual(['secret']);
  });

  it('serves what a copy by hard links left with a second name', async () => {
    await link(join(outside, 'secret'), inWorkspace('hard'));
    expect(await toArray(store.listObjects(''))).toEqual([{ key: keyOf('hard'), size: 6 }]);
    expect(await new Response((await store.getObject(keyOf('hard')))?.body ?? null).text()).toBe('secret');
  });

  it('waits for no FIFO, socket or folder', async () => {
    execFileSync('mkfifo', [inWorkspace('fifo')]);
    await mkdir(inWorkspace('folder'));
    const server = createServer().listen(inWorkspace('socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    await expectHidden('fifo', 'folder', 'socket');
    server.close();
  });

  it('fails a body whose file became shorter instead of ending it as if whole', async () => {
    await writeFile(inWorkspace('shrinks'), new Uint8Array(500_000));
    const object = await store.getObject(keyOf('shrinks'));
    const reader = object?.body.getReader();
    await reader?.read();
    await truncate(inWorkspace('shrinks'), 200_000);
    const readAll = async (): Promise<void> => {
      for (;;) if ((await reader?.read())?.done) return;
    };
    await expect(readAll()).rejects.toThrow('too early');
    expect(await openBelow(root)).toEqual([]);
  });

  it('gives what was there when it was opened, whatever grows or is deleted meanwhile', async () => {
    await writeFile(inWorkspace('grows'), 'abc');
    const object = await store.getObject(keyOf('grows'));
    await writeFile(inWorkspace('grows'), 'abcdef');
    await store.deleteObject(keyOf('grows'));
    expect(await new Response(object?.body ?? null).text()).toBe('abc');
  });

  it('removes the folders that a delete leaves empty, and never the root', async () => {
    await store.putObject('t/a/b/c', new Uint8Array(1));
    await store.putObject('t/d', new Uint8Array(1));
    await store.deleteObject('t/a/b/c');
    expect(await readdir(join(root, 't'))).toEqual(['d']);
    await store.deleteObject('t/d');
    expect(await readdir(root)).not.toContain('t');
    const lone = createDiskStore({ root: outside });
    await lone.deleteObject('secret');
    expect(await readdir(folder.path)).toContain('outside');
  });

  it('says so when a folder or a file stands where the other is needed', async () => {
    await store.putObject('t/file', new Uint8Array(1));
    const isRefused = { name: 'StoreError', code: 'unavailable' };
    await expect(store.putObject('t/file/below', new Uint8Array(1))).rejects.toMatchObject(isRefused);
    await expect(store.putObject('t', new Uint8Array(1))).rejects.toMatchObject(isRefused);
    expect(await readdir(join(root, '.supervisor/tmp'))).toEqual([]);
  });
});
