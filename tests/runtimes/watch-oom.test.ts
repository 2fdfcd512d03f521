import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { logTellsOomKill } from '../../src/runtimes/podman/kernel-log.ts';
import { counterPath, watchOom } from '../../src/runtimes/podman/watch-oom.ts';

const ID = 'c'.repeat(64);
const SCOPE = `/machine.slice/libpod-${ID}.scope`;
const V1 = `9:name=systemd:/\n8:pids:/libpod_parent/libpod-${ID}\n4:memory:/libpod_parent/libpod-${ID}\n0::/\n`;

describe('the file that counts OOM kills', () => {
  it.each([
    ['version 2', `0::${SCOPE}/container\n`, `/sys/fs/cgroup${SCOPE}/container/memory.events`],
    ['version 1', V1, `/sys/fs/cgroup/memory/libpod_parent/libpod-${ID}/memory.oom_control`],
    [
      'version 1, several controllers together',
      `4:cpu,memory:/libpod-${ID}\n`,
      `/sys/fs/cgroup/memory/libpod-${ID}/memory.oom_control`,
    ],
    ["somebody else's process of that number", '0::/user.slice/session-1.scope\n', undefined],
    ["another container's", `0::/libpod-${'d'.repeat(64)}\n`, undefined],
    ['nothing', '', undefined],
  ])('%s', (_, cgroups, path) => {
    expect(counterPath(ID, cgroups)).toBe(path);
  });
});

describe('the watch for OOM kills', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'watch-oom-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const counter = `sys/fs/cgroup${SCOPE}/memory.events`;

  it('sees a kill when it is told to look, and by itself while the program runs on', async () => {
    write('proc/42/cgroup', `0::${SCOPE}\n`);
    write(counter, 'oom 0\noom_kill 0\n');
    const [told, patient] = [watchOom(ID, 42, root), watchOom(ID, 42, root)];
    told.look();
    expect(told.seen).toBe(false);
    write(counter, 'oom 1\noom_kill 1\n');
    told.look();
    expect(told.seen).toBe(true);
    await expect.poll(() => patient.seen).toBe(true);
    for (const watch of [told, patient]) watch.close();
  });

  it('does not take an allocation that failed for a kill', () => {
    write('proc/42/cgroup', `0::${SCOPE}\n`);
    write(counter, 'oom 3\noom_kill 0\noom_group_kill 0\n');
    const watch = watchOom(ID, 42, root);
    watch.look();
    expect(watch.seen).toBe(false);
    watch.close();
    watch.close();
    watch.look();
  });

  it.each([0, 42])('sees nothing of a process that this machine does not have (%i)', (pid) => {
    const watch = watchOom(ID, pid, root);
    watch.look();
    expect(watch.seen).toBe(false);
    watch.close();
  });
});

describe('the kernel log', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kernel-log-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    [`6,1,2;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/libpod_parent/libpod-${ID},task=python3`, true],
    [`6,1,2;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/libpod-${'d'.repeat(64)},task=python3`, false],
    [`6,1,2;something about libpod-${ID},`, false],
    ['', false],
  ])('%s: %s', (text, told) => {
    const path = join(folder, 'kmsg');
    writeFileSync(path, text);
    expect(logTellsOomKill(`libpod-${ID}`, path)).toBe(told);
  });

  it('that may not be read tells nothing', () => {
    expect(logTellsOomKill(`libpod-${ID}`, join(folder, 'none'))).toBe(false);
  });
});
