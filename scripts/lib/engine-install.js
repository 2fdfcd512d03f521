import { readFileSync } from 'node:fs';
import { SetupError } from './setup-error.js';
import { installPackages } from './system-packages.js';

/**
 * @typedef {object} System
 * @property {NodeJS.Platform} platform
 * @property {readonly string[]} families the distribution's id and those that it is like
 * @property {string} codename
 */

/**
 * @param {string} [osRelease] text of `/etc/os-release`
 * @param {NodeJS.Platform} [platform]
 * @returns {System}
 */
export function readSystem(osRelease = readOsRelease(), platform = process.platform) {
  /** @param {string} name */
  const field = (name) => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(osRelease)?.[1] ?? '';
  return {
    platform,
    families: `${field('ID')} ${field('ID_LIKE')}`.split(' ').filter(Boolean),
    codename: field('VERSION_CODENAME'),
  };
}

function readOsRelease() {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
}

/** @param {System} system */
export const usesApt = ({ platform, families }) =>
  platform === 'linux' && families.some((name) => name === 'debian' || name === 'ubuntu');

/**
 * What a person types to have an engine where this script doesn't install one by itself.
 *
 * @param {System} system
 * @param {'docker' | 'podman'} [kind]
 */
export function installAdvice({ platform, families }, kind = 'docker') {
  if (kind === 'podman') {
    if (platform === 'darwin') return ['brew install podman && podman machine init && podman machine start'];
    return [
      'install Podman 4.3 or later with the package manager of this system, then:',
      'systemctl --user enable --now podman.socket',
    ];
  }
  if (platform === 'darwin') {
    return [
      'brew install colima docker && colima start',
      '(or Docker Desktop: brew install --cask docker, then open it once)',
    ];
  }
  if (families.includes('fedora') || families.includes('rhel')) {
    return ['sudo dnf install -y moby-engine', 'sudo systemctl enable --now docker'];
  }
  if (families.includes('arch')) return ['sudo pacman -S docker', 'sudo systemctl enable --now docker'];
  if (families.includes('alpine'))
    return ['sudo apk add docker', 'sudo rc-update add docker && sudo service docker start'];
  if (families.includes('suse')) return ['sudo zypper install docker', 'sudo systemctl enable --now docker'];
  return ['install Docker Engine with the package manager of this system, then start it'];
}

const PACKAGES = Object.freeze({
  docker: ['docker.io', 'iptables'],
  // runc, because crun refuses a host that mounts both versions of cgroups; catatonit is the init of each container.
  podman: ['podman', 'runc', 'catatonit', 'netavark', 'aardvark-dns', 'uidmap', 'slirp4netns'],
});

/**
 * @param {System} system
 * @param {import('./consent.js').Situation} situation
 * @param {NodeJS.ProcessEnv} env
 * @param {'docker' | 'podman'} [kind]
 */
export async function installEngine(system, situation, env, kind = 'docker') {
  if (!usesApt(system)) {
    const lines = installAdvice(system, kind).map((line) => `    ${line}`);
    throw new SetupError(
      `No container engine is installed. Install and start one, then run this again:\n${lines.join('\n')}`,
    );
  }
  const why = { docker: 'No container engine is installed here.', podman: 'Podman is not installed here.' }[
    kind
  ];
  await installPackages({ packages: PACKAGES[kind], why, situation }, { env });
}
