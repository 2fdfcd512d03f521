import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, chmodSync, chownSync, constants, mkdirSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, textOf } from '../support/client.ts';
import { type RunningService, startServiceProcess } from '../support/start-service.ts';
import { removeFolder } from '../support/temporary-folder.ts';

const SOCKET = (process.env.DOCKER_SOCKET_PATH ?? '/var/run/docker.sock').replace(/^unix:\/\//, '');

/** Why such a user can't be made here; `undefined` when one can. */
function obstacle(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux';
  try {
    accessSync(SOCKET, constants.F_OK);
  } catch {
    return 'the engine socket is at another place';
  }
  if (statSync(SOCKET).gid === 0) return 'the engine socket belongs to no group of its own';
  for (const program of ['useradd', 'userdel', 'setpriv']) {
    try {
      execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    } catch {
      return `there is no ${program}`;
    }
  }
  return undefined;
}

const reason = obstacle();
// A machine of CI has root and an engine of its own: there a skip would hide what was never run.
if (process.env.CI === 'true' && reason !== undefined) throw new Error(`CI must not skip these: ${reason}`);
const title = `an ordinary user of the engine's group${reason === undefined ? '' : ` (skipped: ${reason})`}`;

describe.skipIf(reason !== undefined)(title, () => {
  const name = `aatest${randomBytes(4).toString('hex')}`;
  const home = join(tmpdir(), name);
  const storageRoot = join(home, 'storage');
  let uid = 0;
  let gid = 0;
  let service: RunningService;

  const become = (): string[] => ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--'];
  const as = (...command: string[]): string => {
    const [program = '', ...args] = [...become(), ...command];
    return execFileSync(program, args, {
      cwd: home,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: home },
    });
  };

  beforeAll(async () => {
    const group = String(statSync(SOCKET).gid);
    execFileSync('useradd', [
      '--no-create-home',
      '--home-dir',
      home,
      '--user-group',
      '--groups',
      group,
      name,
    ]);
    uid = Number(execFileSync('id', ['-u', name], { encoding: 'utf8' }));
    gid = Number(execFileSync('id', ['-g', name], { encoding: 'utf8' }));
    for (const folder of [home, storageRoot]) {
      mkdirSync(folder);
      chownSync(folder, uid, gid);
      chmodSync(folder, 0o755);
    }
    service = await startServiceProcess({ storageRoot, as: { prefix: become(), home } });
  });

  afterAll(async () => {
    try {
      await service?.stop();
    } finally {
      execFileSync('userdel', [name]);
      removeFolder(home);
    }
  });

  it('runs the service itself', () => {
    expect(statSync(join(storageRoot, '.supervisor')).uid).toBe(uid);
    expect(as('id', '-u').trim()).toBe(String(uid));
  });

  it.each([
    ['python', 'open("out.txt", "w").write("made"); print("hello")'],
    ['node', 'require("fs").writeFileSync("out.txt", "made"); console.log("hello")'],
    ['bun', 'await Bun.write("out.txt", "made"); console.log("hello")'],
    ['bash', 'printf made > out.txt; echo hello'],
  ])('the main job in %s works', async (language, code) => {
    const files = [{ path: 'sub/in.txt', content: 'input' }];
    const answer = await run(service, { language, code, files, stdin: 'x' });
    expect(answer).toMatchObject({ outcome: 'exited', exitCode: 0 });
    expect(await textOf(answer, 'stdout')).toBe('hello\n');
    expect(await textOf(answer, 'out.txt')).toBe('made');
  });

  it('the program is that user, and still has no right of any kind', async () => {
    const code =
      'id -u; id -g; id -G; grep -E "^(CapEff|NoNewPrivs)" /proc/self/status; touch sub/in.txt && echo writable';
    const files = [{ path: 'sub/in.txt', content: 'input' }];
    const answer = await run(service, { language: 'bash', code, files });
    expect(await textOf(answer, 'stdout')).toBe(
      `${uid}\n${gid}\n${gid}\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nwritable\n`,
    );
  });

  it('files and folders that the program closed to everybody are collected or told as skipped', async () => {
    const code = `mkdir -p locked/deep; echo inside > locked/deep/f; echo secret > closed; echo plain > plain
chmod 000 closed locked/deep locked; chmod 000 .`;
    const answer = await run(service, { language: 'bash', code });
    expect(answer).toMatchObject({ outcome: 'exited', exitCode: 0 });
    expect(await textOf(answer, 'plain')).toBe('plain\n');
    const told = [...Object.keys(answer.artifacts.outputs), ...answer.skipped.map((row) => row.name)];
    expect(told).toContain('closed');
    expect(told.some((path) => path.startsWith('locked'))).toBe(true);
  });

  it('owns everything in the storage folder and can remove it', async () => {
    await service.stop();
    const foreign = readdirSync(storageRoot, { recursive: true, encoding: 'utf8' }).filter(
      (path) => statSync(join(storageRoot, path), { throwIfNoEntry: false })?.uid !== uid,
    );
    expect(foreign).toEqual([]);
    as('sh', '-c', `rm -rf ${storageRoot}/* ${storageRoot}/.[!.]*`);
    expect(readdirSync(storageRoot)).toEqual([]);
  });
});
