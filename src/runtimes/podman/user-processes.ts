import { readFileSync } from 'node:fs';

let known: { readonly value: number | undefined } | undefined;

/**
 * This process's hard limit of processes per user, which is the engine's too where both were started alike; `undefined`
 * where there is none or no way to read it, as on macOS.
 */
export function readMaxUserProcesses(): number | undefined {
  known ??= { value: parseMaxUserProcesses(read('/proc/self/limits'), read('/proc/sys/kernel/pid_max')) };
  return known.value;
}

/**
 * From the texts of `/proc/self/limits` (`Max processes  <soft>  <hard>  processes`) and `/proc/sys/kernel/pid_max`, to which
 * Podman lowers its own limit: more processes than that there can't be.
 */
export function parseMaxUserProcesses(limits: string, pidMax: string): number | undefined {
  const hard = /^Max processes\s+\S+\s+(\d+)/m.exec(limits)?.[1];
  if (hard === undefined) return undefined;
  return Math.min(Number(hard), Number(/^\d+/.exec(pidMax)?.[0] ?? hard));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
