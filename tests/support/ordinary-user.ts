import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jobKey } from '../../src/core/workspace.ts';
import { createDiskStore } from '../../src/storage/disk/index.ts';
import { createWorkspaces } from '../../src/storage/workspace/index.ts';
import { HOSTILE_SHAPES } from './hostile-tree.ts';

// A program of its own, because a process can't become an ordinary user for one test: collects and removes hostile trees
// below the folder that it's given, and prints what it saw as JSON.
const home = process.argv[2] ?? '';
const root = join(home, 'root');
const outside = join(home, 'outside');
await mkdir(outside);
await writeFile(join(outside, 'secret'), 'secret');
const workspaces = createWorkspaces({ root, runner: { uid: 10001, gid: 10001 } });
const bounds = { maxBytes: 2 ** 30, maxFiles: 10_000 };

const closed = await workspaces.create({ sessionId: 's', jobId: 'closed' });
await HOSTILE_SHAPES.closedModes(closed.mountSource, outside);
await closed.usage();
const collection = await closed.collect(bounds);
const stored = await createDiskStore({ root }).getObject(jobKey(closed.job, 'workspace/sub/deeper/file'));
const served = await new Response(stored?.body ?? null).text();

const deep = await workspaces.create({ sessionId: 's', jobId: 'deep' });
await HOSTILE_SHAPES.deep(deep.mountSource, outside);
const { skipped } = await deep.collect(bounds);

// Removed without having been collected: nothing has opened its modes yet.
const unread = await workspaces.create({ sessionId: 's', jobId: 'unread' });
await HOSTILE_SHAPES.closedModes(unread.mountSource, outside);
for (const workspace of [closed, deep, unread]) await workspace.remove();

const report = {
  uid: process.geteuid?.(),
  user: closed.user,
  closed: collection.files.map(({ path }) => path),
  skipped: collection.skipped,
  served,
  deepSkipped: skipped.map(({ reason }) => reason),
  left: await readdir(root),
};
process.stdout.write(JSON.stringify(report));
