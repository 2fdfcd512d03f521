import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, textOf } from '../support/client.ts';
import { DOCKER } from '../support/engine.ts';
import { titleOf } from '../support/skips.ts';
import { type RunningService, startServiceProcess } from '../support/start-service.ts';
import { makeUser, type TestUser, userObstacle } from '../support/test-user.ts';

/** Why such a user can't be made here; `undefined` when one can. */
function obstacle(): string | undefined {
  try {
    accessSync(DOCKER.socketPath, constants.F_OK);
  } catch {
    return 'the engine socket is at another place';
  }
  if (statSync(DOCKER.socketPath).gid === 0) return 'the engine socket belongs to no group of its own';
  return userObstacle();
}

const reason = obstacle();
const title = titleOf("an ordinary user of the engine's group", reason);

describe.skipIf(reason !== undefined)(title, () => {
  let user: TestUser;
  let storageRoot: string;
  let service: RunningService;

  beforeAll(async () => {
    user = makeUser([statSync(DOCKER.socketPath).gid]);
    storageRoot = user.makeFolder('storage');
    service = await startServiceProcess({ storageRoot, as: user });
  });

  afterAll(async () => {
    try {
      await service?.stop();
    } finally {
      user?.remove();
    }
  });

  it('runs the service itself', () => {
    expect(statSync(join(storageRoot, '.supervisor')).uid).toBe(user.uid);
    expect(user.run(['id', '-u']).trim()).toBe(String(user.uid));
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
      `${user.uid}\n${user.gid}\n${user.gid}\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nwritable\n`,
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
      (path) => statSync(join(storageRoot, path), { throwIfNoEntry: false })?.uid !== user.uid,
    );
    expect(foreign).toEqual([]);
    user.run(['sh', '-c', `rm -rf ${storageRoot}/* ${storageRoot}/.[!.]*`]);
    expect(readdirSync(storageRoot)).toEqual([]);
  });
});
