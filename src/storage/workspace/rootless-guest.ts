import { readFileSync } from 'node:fs';

/** What tells a process where it runs. */
export interface Whereabouts {
  /** What the engine put into the variable `container`. */
  readonly container: string | undefined;
  /** Text of `/proc/self/uid_map`: `<id here> <id outside> <count>`, a line each. */
  readonly uidMap: string;
}

/**
 * Whether this process is root in a rootless Podman's container only, and an ordinary user on the host. Podman then shows to a
 * program what that user owns as the program's own, whoever it runs as; a file that was given to another id is somebody else's.
 */
export function isRootlessGuest({ container, uidMap }: Whereabouts = whereabouts()): boolean {
  const [here, outside] = uidMap.trim().split(/\s+/);
  return container === 'podman' && here === '0' && outside !== undefined && outside !== '0';
}

function whereabouts(): Whereabouts {
  return { container: process.env.container, uidMap: readUidMap() };
}

/** Empty where there is none, as on macOS. */
function readUidMap(): string {
  try {
    return readFileSync('/proc/self/uid_map', 'utf8');
  } catch {
    return '';
  }
}
