import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { explainDeath, planStart, spawnDaemon } from '../../scripts/lib/engine-start.js';
import { NOT_LINUX, titleOf } from '../support/skips.ts';
import { makeFolder, makePrograms } from './fixtures.ts';

describe('how an installed engine is started', () => {
  const dockerd = '/usr/sbin/dockerd';

  it.each([
    { host: { dockerd: undefined, systemd: true, openrc: false }, plan: undefined },
    {
      host: { dockerd, systemd: true, openrc: false },
      plan: { how: 'init', command: ['systemctl', 'start', 'docker'] },
    },
    {
      host: { dockerd, systemd: false, openrc: true },
      plan: { how: 'init', command: ['rc-service', 'docker', 'start'] },
    },
    { host: { dockerd, systemd: false, openrc: false }, plan: { how: 'daemon', command: [dockerd] } },
  ])('$host', ({ host, plan }) => {
    expect(planStart(host)).toEqual(plan);
  });

  it.skipIf(NOT_LINUX !== undefined)(
    titleOf('gives the daemon a session of its own and its output to the log', NOT_LINUX),
    async () => {
      // Field 6 of /proc/PID/stat is the session; in a new one it is the process's own id.
      const bin = makePrograms({ dockerd: "echo started; cut -d' ' -f1,6 /proc/$$/stat; exit 3" });
      const log = join(makeFolder(), 'daemon.log');
      const daemon = spawnDaemon(join(bin, 'dockerd'), log);
      while (!daemon.hasEnded()) await sleep(10);
      expect(readFileSync(log, 'utf8')).toBe(`started\n${daemon.pid} ${daemon.pid}\n`);
    },
  );

  it('starts the daemon in the folder of its log, so that what it drops there is not dropped here', async () => {
    const bin = makePrograms({ engine: 'pwd -P; : > oom' });
    const folder = realpathSync(makeFolder());
    const daemon = spawnDaemon(join(bin, 'engine'), join(folder, 'daemon.log'));
    while (!daemon.hasEnded()) await sleep(10);
    expect(readFileSync(join(folder, 'daemon.log'), 'utf8')).toBe(`${folder}\n`);
    expect(readdirSync(folder).sort()).toEqual(['daemon.log', 'oom']);
  });

  it('notices a daemon that cannot be run at all', async () => {
    const daemon = spawnDaemon('/nowhere/dockerd', join(makeFolder(), 'daemon.log'));
    while (!daemon.hasEnded()) await sleep(10);
  });

  it.each([
    ['failed to start daemon: pid file found, ensure docker is not running', 'pid file'],
    ['Error initializing network controller: iptables not found', 'install iptables'],
    ["Devices cgroup isn't mounted", 'cgroup'],
    ['mount: operation not permitted', '--privileged'],
    ['something new', 'the log says'],
  ])('explains a death by %s', (tail, cure) => {
    const text = explainDeath(tail);
    expect(text).toContain(tail);
    expect(text.split('\n').at(-1)).toContain(cure);
  });
});
