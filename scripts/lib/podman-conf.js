/** Raising a hard limit takes it: bit 24 of a process's capabilities. */
const CAP_SYS_RESOURCE = 1n << 24n;

/**
 * @typedef {object} ConfHost
 * @property {boolean} systemd it runs as init
 * @property {boolean} cgroup2 version 2 alone is mounted
 * @property {boolean} runc it's installed
 * @property {string} status text of `/proc/self/status`
 */

/**
 * A `containers.conf` for a host on which Podman's defaults don't work, and what was found there; undefined on any other.
 *
 * @param {ConfHost} host
 * @returns {{ text: string, why: string } | undefined}
 */
export function planContainersConf({ systemd, cgroup2, runc, status }) {
  const containers = [];
  const engine = [];
  const found = [];
  if (!systemd) {
    found.push('no systemd');
    engine.push('cgroup_manager = "cgroupfs"');
  }
  if (!cgroup2 && runc) {
    found.push('cgroup v1');
    // crun refuses a host that mounts version 1 with an empty version 2 beside it.
    engine.push('runtime = "runc"');
  }
  if (isRootWithoutResource(status)) {
    found.push("root that can't raise limits");
    containers.push('default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]');
  }
  if (found.length === 0) return undefined;
  const text = `[containers]\n${containers.join('\n')}\n[engine]\n${engine.join('\n')}\n`;
  return { text, why: `This host has ${found.join(', ')}` };
}

/** @param {string} status */
function isRootWithoutResource(status) {
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1];
  const effective = /^CapEff:\s+([0-9a-f]+)/m.exec(status)?.[1];
  return uid === '0' && effective !== undefined && (BigInt(`0x${effective}`) & CAP_SYS_RESOURCE) === 0n;
}
