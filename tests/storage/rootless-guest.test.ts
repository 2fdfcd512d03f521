import { stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { createWorkspaces } from '../../src/storage/workspace/index.ts';
import { isRootlessGuest } from '../../src/storage/workspace/rootless-guest.ts';
import { makeTempFolder } from '../support/temporary-folder.ts';

const ORDINARY = '         0       1000          1\n         1     100000      65536\n';
const REAL = '         0          0 4294967295\n';

describe('root in a rootless Podman’s container', () => {
  it.each([
    ['podman', ORDINARY, true],
    ['podman', REAL, false],
    // A rootless Docker maps its containers all alike, so that files are given away as on the host.
    [undefined, ORDINARY, false],
    [undefined, REAL, false],
    ['podman', '', false],
  ])('container=%s and uid map %j: %s', (container, uidMap, is) => {
    expect(isRootlessGuest({ container, uidMap })).toBe(is);
  });

  it('keeps what a program may write, which then runs as the image’s user all the same', async () => {
    const { path, remove } = await makeTempFolder();
    const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
    const runner = { uid: own.uid + 1, gid: own.gid + 1 };
    // To be root here the ids must be root's, whoever runs this test.
    const workspaces = createWorkspaces({
      root: path,
      runner,
      ownUser: { uid: 0, gid: 0 },
      rootlessGuest: true,
    });
    const workspace = await workspaces.create({ sessionId: 's', jobId: 'j' });
    await workspace.writeInputs([{ path: 'a', content: new Uint8Array(1) }]);
    expect(workspace.user).toEqual(runner);
    expect((await stat(workspace.mountSource)).uid).toBe(own.uid);
    await remove();
  });
});
