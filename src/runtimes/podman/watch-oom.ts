import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/** Whether the kernel has killed a process of one container for want of memory, by its cgroup's own counter. */
export interface OomWatch {
  readonly seen: boolean;
  /** Reads the counter now: after the program's end it's there for some tens of milliseconds more. */
  look(): void;
  close(): void;
}

const LOOK_EVERY_MS = 100;

/** For an engine whose record tells, or whose host isn't this one. */
export const BLIND: OomWatch = { seen: false, look: () => {}, close: () => {} };

/**
 * Watches the container whose init has this process id on this machine. An engine on another one, or a supervisor that
 * doesn't see the host's cgroups, sees nothing.
 */
export function watchOom(pid: number, root = ''): OomWatch {
  const counter = openCounter(pid, root);
  if (counter === undefined) return BLIND;
  const buffer = Buffer.alloc(1024);
  let seen = false;
  let open = true;
  const look = (): void => {
    if (seen || !open) return;
    try {
      const length = readSync(counter, buffer, 0, buffer.length, 0);
      seen = countsKill(buffer.toString('latin1', 0, length));
    } catch {
      // The cgroup is gone: what was read last stands.
    }
  };
  // A program that outlives its child's end may end long after: the counter is then no news.
  const timer = setInterval(look, LOOK_EVERY_MS);
  timer.unref();
  return {
    get seen() {
      return seen;
    },
    look,
    close() {
      clearInterval(timer);
      if (open) closeSync(counter);
      open = false;
    },
  };
}

/** Opened before the program starts, so that the way to it needn't be found when time is short. */
function openCounter(pid: number, root: string): number | undefined {
  if (pid <= 0) return undefined;
  try {
    const path = counterPath(readFileSync(`${root}/proc/${pid}/cgroup`, 'latin1'));
    return path === undefined ? undefined : openSync(root + path, 'r');
  } catch {
    return undefined;
  }
}

/** The file with `oom_kill <n>`, from the text of `/proc/<pid>/cgroup`. */
export function counterPath(cgroups: string): string | undefined {
  const v1 = /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(\/.*)$/m.exec(cgroups)?.[1];
  if (v1 !== undefined) return isContainers(v1) ? `/sys/fs/cgroup/memory${v1}/memory.oom_control` : undefined;
  const v2 = /^0::(\/.*)$/m.exec(cgroups)?.[1];
  return v2 !== undefined && isContainers(v2) ? `/sys/fs/cgroup${v2}/memory.events` : undefined;
}

/** An engine elsewhere has a process of that number too, which is somebody else's here. */
function isContainers(path: string): boolean {
  return /libpod-[0-9a-f]{64}/.test(path);
}

function countsKill(text: string): boolean {
  return /^oom_kill [1-9]/m.test(text);
}
