import type { ContainerExit, ContainerRuntime, ImageInfo, RuntimeInfo } from '../core/container-runtime.ts';
import { toContainerSpec } from '../core/container-spec.ts';
import type { EnforcedLimits } from '../core/engine-gate.ts';
import { AppError } from '../core/errors.ts';
import { DEFAULT_LIMITS, type Limits } from '../core/limits.ts';
import type { Logger } from '../core/logger.ts';
import type { Sandboxes } from '../core/sandboxes.ts';
import { runProbe } from './run-probe.ts';

export interface LimitProbeOptions {
  readonly runtime: ContainerRuntime;
  readonly sandboxes: Sandboxes;
  readonly image: string;
  readonly ociRuntime: string | undefined;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly logger: Logger;
}

/** Small limits, so that going past them costs little. */
const PROBE_LIMITS: Limits = {
  ...DEFAULT_LIMITS,
  memoryBytes: 64 * 1024 * 1024,
  cpus: 0.2,
  pids: 16,
};

/**
 * Goes past each limit in one container and sees whether it bites: counts network devices, spins for half a second, forks
 * until it may not, and takes more memory than it has, at the end, because that ends it.
 */
const PROGRAM = `
import os, time
devices = [line.split(':')[0].strip() for line in open('/proc/net/dev') if ':' in line]
print('network', int(devices == ['lo']), flush=True)
begin, used = time.monotonic(), time.process_time()
while time.monotonic() - begin < 0.5: pass
print('cpu', int(time.process_time() - used < 0.25), flush=True)
children = []
try:
    for _ in range(64):
        child = os.fork()
        if child == 0:
            time.sleep(10)
            os._exit(0)
        children.append(child)
    print('pids 0', flush=True)
except OSError:
    print('pids 1', flush=True)
for child in children: os.kill(child, 9)
for child in children: os.waitpid(child, 0)
hoard = bytearray(192 * 1024 * 1024)
for page in range(0, len(hoard), 4096): hoard[page] = 1
print('memory 0', flush=True)
`;

const SIGKILL_EXIT_CODE = 137;

/** Measures which limits bite with this engine and image. Rejects when the probe itself couldn't run. */
export async function probeLimits(options: LimitProbeOptions): Promise<EnforcedLimits> {
  const { exit, stdout } = await runProbe(options, (labels) =>
    toContainerSpec(
      { args: ['python3', '-c', PROGRAM], env: {} },
      // Whether a limit bites is what is measured: an engine that drops one must not stop the measurement.
      { ...options, limits: PROBE_LIMITS, labels, allowUnenforced: ['cpu', 'memory', 'pids'] },
    ),
  );
  if (exit.exitCode === 127 || exit.exitCode === 126) {
    const message =
      'The worker image has no python3 to measure limits with: use an image made from aa-worker:latest.';
    throw new AppError('misconfigured', message);
  }
  const enforced = toEnforced(stdout, exit);
  options.logger.info({ enforced }, 'measured which limits bite on this host');
  return enforced;
}

/**
 * What was not reported counts as not enforced. That the memory was too much an engine may fail to tell (Podman 4, to a service
 * in a container); the program was killed at taking it all the same, and nobody but the kernel kills it there.
 */
function toEnforced(report: string, exit: ContainerExit): EnforcedLimits {
  const bites = (name: string): boolean => report.includes(`${name} 1\n`);
  const killed =
    exit.exitCode === SIGKILL_EXIT_CODE && report.includes('pids ') && !report.includes('memory 0');
  const memory = exit.oomKilled || killed;
  return { network: bites('network'), cpu: bites('cpu'), pids: bites('pids'), memory };
}

/** Keeps small facts between two starts. */
export interface FactKeeper {
  read(name: string): Promise<unknown>;
  write(name: string, value: unknown): Promise<void>;
}

const FACT = 'limits.json';

/** Recalls the last measurement when engine, kernel and image are the same; measures and keeps it otherwise. */
export function createLimitProbe(
  options: LimitProbeOptions & { readonly facts: FactKeeper },
): (info: RuntimeInfo, image: ImageInfo) => Promise<EnforcedLimits> {
  let last: KeptLimits | undefined;
  return async (info, image) => {
    const { name, version, kernelVersion, rootless, cgroupVersion, defaultOciRuntime } = info;
    const ociRuntime = options.ociRuntime ?? defaultOciRuntime;
    const key = JSON.stringify({
      name,
      version,
      kernelVersion,
      rootless,
      cgroupVersion,
      ociRuntime,
      image: image.id,
    });
    if (last?.key === key) return last.enforced;
    const kept = await options.facts.read(FACT);
    last = isKept(kept) && kept.key === key ? kept : { key, enforced: await probeLimits(options) };
    const { enforced } = last;
    // A limit that didn't bite is measured again at the next start: its cure must not need a file to be deleted.
    if (Object.values(enforced).every(Boolean)) await options.facts.write(FACT, last);
    return enforced;
  };
}

interface KeptLimits {
  readonly key: string;
  readonly enforced: EnforcedLimits;
}

function isKept(value: unknown): value is KeptLimits {
  return typeof value === 'object' && value !== null && 'key' in value && 'enforced' in value;
}
