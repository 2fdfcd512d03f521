import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from './temporary-folder.ts';

/** An ordinary user of this machine, made for one test file. */
export interface TestUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** A folder that belongs to it, below the system's one for temporary files. */
  readonly home: string;
  /** What stands in front of a command that it runs. */
  readonly prefix: readonly string[];
  /** Runs a command as this user in its home, and gives what it printed. */
  run(command: readonly string[], env?: Readonly<Record<string, string>>): string;
  /** Makes a folder below its home that belongs to it. */
  makeFolder(name: string, mode?: number): string;
  /** Removes the user and its home; nothing of its may run any more. */
  remove(): void;
}

/** Why no user can be made here; `undefined` when one can. */
export function userObstacle(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux';
  for (const program of ['useradd', 'userdel', 'setpriv']) {
    try {
      execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    } catch {
      return `there is no ${program}`;
    }
  }
  return undefined;
}

/** `groups`: ids of further groups. */
export function makeUser(groups: readonly number[] = []): TestUser {
  const name = `aatest${randomBytes(4).toString('hex')}`;
  const home = join(tmpdir(), name);
  const more = groups.length === 0 ? [] : ['--groups', groups.join(',')];
  execFileSync('useradd', ['--no-create-home', '--home-dir', home, '--user-group', ...more, name]);
  const idOf = (flag: string): number => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }));
  const [uid, gid] = [idOf('-u'), idOf('-g')];
  const prefix = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--'];
  const makeFolder = (path: string, mode = 0o755): string => {
    const folder = join(home, path);
    mkdirSync(folder);
    chownSync(folder, uid, gid);
    chmodSync(folder, mode);
    return folder;
  };
  mkdirSync(home);
  chownSync(home, uid, gid);
  chmodSync(home, 0o755);
  return {
    name,
    uid,
    gid,
    home,
    prefix,
    makeFolder,
    run(command, env = {}) {
      const [program = '', ...args] = [...prefix, ...command];
      return execFileSync(program, args, {
        cwd: home,
        encoding: 'utf8',
        env: { PATH: process.env.PATH, HOME: home, ...env },
      });
    },
    remove() {
      execFileSync('userdel', [name]);
      removeFolder(home);
    },
  };
}
