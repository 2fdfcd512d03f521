import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** A shape that a program may leave, made in an empty folder; `outside` holds a file `secret` that nobody may read through it. */
export type HostileShape = (folder: string, outside: string) => void | Promise<void>;

export type ShapeName =
  | 'links'
  | 'linkLoops'
  | 'controlNames'
  | 'hardLinks'
  | 'notFiles'
  | 'sparse'
  | 'closedModes'
  | 'oddNames'
  | 'deep';

/** One row each of what a program may leave; the names are what the tests ask for. */
export const HOSTILE_SHAPES: Readonly<Record<ShapeName, HostileShape>> = {
  links(folder, outside) {
    symlinkSync('/etc/passwd', join(folder, 'out.txt'));
    symlinkSync('/proc/self/environ', join(folder, 'environ'));
    symlinkSync('/proc/self/fd/3', join(folder, 'fd'));
    symlinkSync(join(outside, 'secret'), join(folder, 'secret'));
    symlinkSync(outside, join(folder, 'folder'));
    symlinkSync('/', join(folder, 'root'));
  },
  linkLoops(folder) {
    symlinkSync('loop', join(folder, 'loop'));
    symlinkSync('.', join(folder, 'here'));
    symlinkSync('..', join(folder, 'up'));
    for (let at = 0; at < 50; at += 1) symlinkSync(`hop-${at + 1}`, join(folder, `hop-${at}`));
    writeFileSync(join(folder, 'hop-50'), 'end');
  },
  controlNames(folder, outside) {
    symlinkSync(join(outside, 'secret'), join(folder, 'stdout'));
    mkdirSync(join(folder, 'manifest.json'));
    execFileSync('mkfifo', [join(folder, 'job.json')]);
    writeFileSync(join(folder, 'stderr'), 'mine');
  },
  hardLinks(folder, outside) {
    linkSync(join(outside, 'secret'), join(folder, 'secret'));
    writeFileSync(join(folder, 'one'), 'one');
    linkSync(join(folder, 'one'), join(folder, 'two'));
  },
  async notFiles(folder) {
    execFileSync('mkfifo', [join(folder, 'fifo')]);
    await leaveSocket(join(folder, 'socket'));
    if (process.geteuid?.() === 0) execFileSync('mknod', [join(folder, 'device'), 'c', '1', '3']);
  },
  sparse(folder) {
    writeFileSync(join(folder, 'big'), '');
    truncateSync(join(folder, 'big'), 2 ** 40);
    writeFileSync(join(folder, 'small'), 'small');
  },
  closedModes(folder) {
    writeFileSync(join(folder, 'file'), 'closed');
    mkdirSync(join(folder, 'sub/deeper'), { recursive: true });
    writeFileSync(join(folder, 'sub/deeper/file'), 'deep');
    writeFileSync(join(folder, 'setuid'), 'setuid');
    chmodSync(join(folder, 'setuid'), 0o4755);
    chmodSync(join(folder, 'file'), 0);
    chmodSync(join(folder, 'sub/deeper'), 0);
    chmodSync(join(folder, 'sub'), 0o500);
    chmodSync(folder, 0);
  },
  oddNames(folder) {
    for (const name of ODD_NAMES) writeFileSync(join(folder, name), name);
    for (const bytes of [[0xff], [0xc3, 0x28], [0x61, 0xe9, 0x2e, 0x74]]) {
      writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(bytes)]), 'no text');
    }
    const unreadable = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xfe])]);
    mkdirSync(unreadable);
    writeFileSync(Buffer.concat([unreadable, Buffer.from('/below')]), 'below');
  },
  deep(folder) {
    makeDeep(folder, 3000);
  },
};

export const ODD_NAMES = [
  'with space',
  '#?%+;"\'`$(x)',
  '😀',
  '\u202Egnp.exe',
  '\uFEFFbom',
  'n'.repeat(255),
  '-rf',
  '.hidden',
  '...',
  'caf\u00e9',
  'cafe\u0301',
  'A.txt',
  'a.txt',
  'line\nbreak\r',
  '\\..\\x',
  '%2e%2e',
] as const;

/** A chain of folders far deeper than a path can say, with a file in the deepest. */
export function makeDeep(folder: string, levels: number): void {
  // Built from the inside out: the chain so far is moved into the next folder, so that no path gets long.
  mkdirSync(join(folder, 'd'));
  writeFileSync(join(folder, 'd/bottom'), 'bottom');
  for (let level = 1; level < levels; level += 1) {
    mkdirSync(join(folder, 'next'));
    renameSync(join(folder, 'd'), join(folder, 'next/d'));
    renameSync(join(folder, 'next'), join(folder, 'd'));
  }
}

export function makeMany(folder: string, count: number): void {
  for (let at = 0; at < count; at += 1) closeSync(openSync(join(folder, `file-${at}.txt`), 'w'));
}

/** A socket that its listener left behind, as a killed one does. */
export async function leaveSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(`${path}.live`, resolve);
  });
  renameSync(`${path}.live`, path);
  await new Promise((resolve) => {
    server.close(resolve);
  });
}
