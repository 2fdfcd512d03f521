import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import type { ContainerId } from '../../core/container-runtime.ts';
import { logTellsOomKill } from './kernel-log.ts';

/** Whether the kernel has killed a process of one container for want of memory, by its cgroup's own counter. */
export interface OomWatch {
  readonly seen: boolean;
  /** Reads the counter now: after the program's end it's there for some tens of milliseconds more. */
  look(): void;
  /** Called once the program has ended by SIGKILL: asks the kernel's log, should the counter have gone before it was read. */
  reconsider(): void;
  close(): void;
}

const LOOK_EVERY_MS = 100;

/** For an engine whose own record tells. */
export const BLIND: OomWatch = { seen: false, look: () => {}, reconsider: () => {}, close: () => {} };

/**
 * Watches the container whose init has this process id on this machine. Of an engine on another one, or where this process
 * doesn't see the host's cgroups, it sees nothing.
 */
export function watchOom(id: ContainerId, pid: number, root = ''): OomWatch {
  const buffer = Buffer.alloc(1024);
  let counter = openCounter(id, pid, root);
  let seen = false;
  const look = (): void => {
    if (seen || counter === undefined) return;
    try {
      const length = readSync(counter, buffer, 0, buffer.length, 0);
      seen = countsKill(buffer.toString('latin1', 0, length));
    } catch {
      // The cgroup is gone: what was read last stands.
      letGo();
    }
  };
  const letGo = (): void => {
    if (counter !== undefined) closeSync(counter);
    counter = undefined;
  };
  // A program that outlives its child's end may end long after: the counter is then no news.
  const timer = setInterval(look, LOOK_EVERY_MS);
  timer.unref();
  return {
    get seen() {
      return seen;
    },
    look,
    reconsider() {
      look();
      if (!seen && counter === undefined) seen = logTellsOomKill(`libpod-${id}`);
    },
    close() {
      clearInterval(timer);
      letGo();
    },
  };
}

/** Opened before the program starts, so that the way to it needn't be found when time is short. */
function openCounter(id: ContainerId, pid: number, root: string): number | undefined {
  if (pid <= 0) return undefined;
  try {
    const path = counterPath(id, readFileSync(`${root}/proc/${pid}/cgroup`, 'latin1'));
    return path === undefined ? undefined : openSync(root + path, 'r');
  } catch {
    return undefined;
  }
}

/**
 * The file with `oom_kill <n>`, from the text of `/proc/<pid>/cgroup`. `undefined` when that isn't this container's process: an
 * engine elsewhere has one of that number too, which is somebody else's here.
 */
export function counterPath(id: ContainerId, cgroups: string): string | undefined {
  const v1 = /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(\/.*)$/m.exec(cgroups)?.[1];
  const path = v1 ?? /^0::(\/.*)$/m.exec(cgroups)?.[1];
  if (path?.includes(`libpod-${id}`) !== true) return undefined;
  return v1 === undefined
    ? `/sys/fs/cgroup${path}/memory.events`
    : `/sys/fs/cgroup/memory${path}/memory.oom_control`;
}

function countsKill(text: string): boolean {
  return /^oom_kill [1-9]/m.test(text);
}
