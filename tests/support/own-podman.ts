import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { planContainersConf } from '../../scripts/lib/podman-conf.js';
import { readConfHost } from '../../scripts/lib/podman-start.js';
import { createOwnDaemon, type OwnEngine } from './own-daemon.ts';
import { makeTemporaryFolder, removeFolder } from './temporary-folder.ts';

/**
 * A way of one test's own into the tests' Podman, which it may stop and kill. Podman has no daemon: images and containers are the
 * same whoever asks, and run on without whoever started them.
 */
export async function startOwnPodman(): Promise<OwnEngine> {
  const folder = makeTemporaryFolder('podman');
  const socketPath = join(folder, 'podman.sock');
  const conf = planContainersConf(readConfHost());
  const confPath = join(folder, 'containers.conf');
  if (conf !== undefined) writeFileSync(confPath, conf.text);
  const daemon = createOwnDaemon({
    command: ['podman', 'system', 'service', '--time=0', `unix://${socketPath}`],
    env: { ...process.env, ...(conf === undefined ? {} : { CONTAINERS_CONF: confPath }) },
    socketPath,
    log: join(folder, 'log'),
  });
  const close = async (): Promise<void> => {
    await daemon.end('SIGTERM');
    removeFolder(folder);
  };
  try {
    await daemon.start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    engine: { name: 'podman', socketPath },
    stop: () => daemon.end('SIGTERM'),
    kill: () => daemon.end('SIGKILL'),
    start: daemon.start,
    close,
  };
}
