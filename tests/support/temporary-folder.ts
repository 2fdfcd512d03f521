import { execFile } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { mkdtemp, readdir, readlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A folder of its own for one test; `fast` for one that makes very many files: in memory, where there's such a place. */
export async function makeTempFolder(
  speed: 'any' | 'fast' = 'any',
): Promise<{ path: string; remove(): Promise<void> }> {
  const inTmp = (): Promise<string> => mkdtemp(join(tmpdir(), 'aa-test-'));
  const path = await (speed === 'fast' ? mkdtemp('/dev/shm/aa-test-').catch(inTmp) : inTmp());
  // The system's own `rm` goes to any depth, so that a failing test leaves nothing either.
  const remove = async (): Promise<void> => {
    await promisify(execFile)('rm', ['-rf', '--', path]);
  };
  return { path, remove };
}

/** What this process holds open below a folder; Linux only. */
export async function openBelow(folder: string): Promise<readonly string[]> {
  const descriptors = await readdir('/proc/self/fd').catch(() => []);
  const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(folder));
}

/** Makes an empty folder below the system's one for temporary files, which the engine sees at the same path. */
export function makeTemporaryFolder(name: string): string {
  const folder = join(tmpdir(), `aa-test-${name}-${crypto.randomUUID()}`);
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
