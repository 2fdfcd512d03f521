import { chmod, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, type Folder, openRoot, pathOf } from '../disk/folder.ts';
import { makeFolder } from '../disk/make-folder.ts';
import { writeScratch } from '../disk/scratch.ts';
import { RESERVED_PART } from '../object-key.ts';
import { type Announcement, announce, ask, type Holder, withdraw } from './lock-socket.ts';
import { removeTree } from './remove-tree.ts';

/** This process's hold on a storage folder. */
export interface Instance {
  /** The same for every supervisor that ever has this folder, one after the other. */
  readonly id: string;
  /** Lets the next one in. A second call does nothing. */
  release(): Promise<void>;
}

/** Somebody else has the folder; the message is for the operator and ends with the cure. */
export class InstanceHeldError extends Error {
  override readonly name = 'InstanceHeldError';
  /** `undefined` when it listens and doesn't answer. */
  readonly holder: Holder | undefined;

  constructor(root: string, holder: Holder | undefined) {
    const who =
      holder === undefined
        ? 'a process that does not answer'
        : `process ${holder.pid} on ${holder.host} since ${holder.since}`;
    super(
      `The storage folder ${root} is in use by ${who}: stop it, or set AA_STORAGE_PATH to another folder.`,
    );
    this.holder = holder;
  }
}

const SOCKET_NAME = /^lock-[0-9a-f-]+\.sock$/;
const ID_FILE = 'instance';
/** The inode of the folder for which the id was made. */
const PLACE_FILE = 'instance-place';
const ID = /^[0-9a-f]{32}$/;
/** How long two that start together wait for each other. */
const RACE_MS = 10_000;
const RACE_STEP_MS = 15;

/**
 * Takes a storage folder for this process, or rejects with `InstanceHeldError`.
 *
 * Everyone listens on a socket of a random name in `{root}/.supervisor/` first and looks for others' sockets then, so of two
 * at least one sees the other. A socket on which nobody listens was left by a process that was killed; since names
 * never come again, removing it can't hit anybody alive. Of two that are both still starting, the one with the smaller
 * name goes first. No clock, process id or heartbeat decides: a killed holder's folder is free at once, and processes in
 * different containers see each other as long as they share the folder and the kernel.
 */
export async function acquireInstance(root: string): Promise<Instance> {
  const path = join(root, RESERVED_PART);
  const folder = await openPrivate(path);
  try {
    const release = await takeLock(root, folder);
    return { id: await prepare(root, folder).catch(undo(release)), release };
  } catch (error) {
    await folder.handle.close();
    throw error;
  }
}

async function openPrivate(path: string): Promise<Folder> {
  try {
    await makeFolder(path, 0o700);
    await chmod(path, 0o700);
    return await openRoot(path);
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    const message =
      code === 'EACCES' || code === 'EPERM'
        ? `${path} belongs to another user: start as that user, or set AA_STORAGE_PATH to a folder of your own.`
        : `${path} can't be made (${code}): set AA_STORAGE_PATH to a folder of your own on a disk.`;
    throw new Error(message, { cause: error });
  }
}

async function takeLock(root: string, folder: Folder): Promise<() => Promise<void>> {
  const deadline = performance.now() + RACE_MS;
  // The rank stays while the names change, or two could give way to each other for ever.
  const rank = crypto.randomUUID();
  for (let attempt = 1; ; attempt += 1) {
    const name = `lock-${rank}-${attempt}.sock`;
    let state: Announcement['state'] = 'starting';
    const since = new Date().toISOString();
    const server = await announce(folder, name, () => ({ pid: process.pid, host: hostname(), since, state }));
    const release = once(async () => {
      await withdraw(server, folder, name);
      await folder.handle.close();
    });
    const rival = await findRival(folder, name, deadline).catch(undo(() => withdraw(server, folder, name)));
    if (rival === undefined) {
      state = 'holding';
      return release;
    }
    await withdraw(server, folder, name);
    const isOver = rival === 'silent' || rival.state === 'holding' || performance.now() > deadline;
    if (isOver) throw new InstanceHeldError(root, rival === 'silent' ? undefined : rival);
    await sleep(RACE_STEP_MS * (1 + Math.random()));
  }
}

/** Who is in the way; waits for those that started at the same moment and go after us. */
async function findRival(
  folder: Folder,
  own: string,
  deadline: number,
): Promise<Announcement | 'silent' | undefined> {
  for (;;) {
    let waiting: Announcement | undefined;
    for (const name of await readdir(pathOf(folder))) {
      if (name === own || !SOCKET_NAME.test(name)) continue;
      const reply = await ask(folder, name);
      if (reply === 'gone') await unlink(join(pathOf(folder), name)).catch(() => {});
      else if (reply === 'silent' || reply.state === 'holding' || name < own) return reply;
      else waiting = reply;
    }
    if (waiting === undefined || performance.now() > deadline) return waiting;
    await sleep(RACE_STEP_MS);
  }
}

/** What only the holder may do: clear away what a killed one was writing, and read or make the id. */
async function prepare(root: string, folder: Folder): Promise<string> {
  await removeTree(folder, 'tmp');
  const path = join(root, RESERVED_PART, ID_FILE);
  const kept = await readFile(path, 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  // A copied folder brings the id along; two supervisors of one id would remove each other's containers.
  const place = join(root, RESERVED_PART, PLACE_FILE);
  const here = String(folder.ino);
  const isCopy = (await readFile(place, 'utf8').catch(() => here)) !== here;
  if (kept !== undefined && ID.test(kept.trim()) && !isCopy) return kept.trim();
  if (kept !== undefined && !isCopy) await rename(path, `${path}.unreadable`);
  const id = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('hex');
  await rename(await writeScratch(root, new TextEncoder().encode(here)), place);
  await rename(await writeScratch(root, new TextEncoder().encode(`${id}\n`)), path);
  return id;
}

function undo(action: () => Promise<void>): (error: unknown) => Promise<never> {
  return async (error) => {
    await action();
    throw error;
  };
}

function once(action: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= action();
    return done;
  };
}
