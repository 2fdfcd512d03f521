import { RuntimeError } from '../../core/container-runtime.ts';

/** The newest version of the interface that this driver was written for; engines of a later one still speak it. */
const NEWEST_MAJOR = 5;
const NEWEST_OF_LATER_ENGINES = '5.0.0';

/** `keep-id` with ids of one's choice, without which a rootless engine can't run our programs, came with it. */
const OLDEST: Version = [4, 3];

type Version = readonly [major: number, minor: number];

/**
 * The version of libpod's REST interface to speak, from the `Libpod-Api-Version` that the engine's ping bears. Throws
 * `wrong_engine` when there is none, as when Docker answers, and when the engine is too old.
 */
export function negotiateVersion(header: string | string[] | undefined): string {
  const text = typeof header === 'string' ? header : '';
  const [, major, minor] = /^(\d+)\.(\d+)(?:\.\d+)?/.exec(text) ?? [];
  if (major === undefined || minor === undefined) {
    throw new RuntimeError(
      'wrong_engine',
      'What answers on this socket is not Podman, and AA_RUNTIME=podman asks for it. Point DOCKER_SOCKET_PATH at the socket of a Podman engine, or set AA_RUNTIME=docker.',
    );
  }
  const version: Version = [Number(major), Number(minor)];
  if (version[0] < OLDEST[0] || (version[0] === OLDEST[0] && version[1] < OLDEST[1])) {
    throw new RuntimeError(
      'wrong_engine',
      `Podman speaks version ${text} of its interface, and ${OLDEST.join('.')} or later is needed. Install Podman ${OLDEST.join('.')} or later.`,
    );
  }
  return version[0] > NEWEST_MAJOR ? NEWEST_OF_LATER_ENGINES : text.replace(/[^\d.].*$/, '');
}
