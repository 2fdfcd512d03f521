import type { ContainerRuntime, ImageInfo, RuntimeInfo } from '../core/container-runtime.ts';
import { toContainerSpec } from '../core/container-spec.ts';
import type { EnforcedLimits } from '../core/engine-gate.ts';
import { AppError } from '../core/errors.ts';
import { DEFAULT_LIMITS, type Limits } from '../core/limits.ts';
import type { Logger } from '../core/logger.ts';
import type { Sandboxes } from '../core/sandboxes.ts';
import { readBounds, readForks } from './limit-rows.ts';
import type { MeasuredLimit } from './measured-limit.ts';
import { BOUNDS, FORKS } from './programs.ts';
import { type ProbeReport, runProbe } from './run-probe.ts';

export interface LimitProbeOptions {
  readonly runtime: ContainerRuntime;
  readonly sandboxes: Sandboxes;
  readonly image: string;
  readonly ociRuntime: string | undefined;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly logger: Logger;
}

const MIB = 1024 * 1024;

/** Small ones, so that going past them costs little; room for what goes into `/tmp`, which counts as memory. */
const BOUNDS_LIMITS: Limits = { ...DEFAULT_LIMITS, memoryBytes: 128 * MIB, cpus: 0.2 };
/** Room for the processes, of which there are to be as many as by default: with fewer gVisor's own don't fit in. */
const FORKS_LIMITS: Limits = { ...DEFAULT_LIMITS, memoryBytes: 256 * MIB };

/** Goes past each limit with this engine and image and tells what it met. Rejects when the probe itself couldn't run. */
export async function probeLimits(
  options: LimitProbeOptions,
  { kernelVersion }: Pick<RuntimeInfo, 'kernelVersion'>,
): Promise<readonly MeasuredLimit[]> {
  const run = (program: string, limits: Limits): Promise<ProbeReport> =>
    runProbe(options, (labels) =>
      toContainerSpec(
        { args: ['python3', '-c', program], env: {} },
        // Whether a limit bites is what is measured: an engine that drops one must not stop the measurement.
        { ...options, limits, labels, allowUnenforced: ['cpu', 'memory', 'pids'] },
      ),
    );
  const bounds = await run(BOUNDS, BOUNDS_LIMITS);
  if (bounds.exit.exitCode === 127 || bounds.exit.exitCode === 126) {
    const message =
      'The worker image has no python3 to measure limits with: use an image made from aa-worker:latest.';
    throw new AppError('misconfigured', message);
  }
  const forks = await run(FORKS, FORKS_LIMITS);
  const asked = { user: options.user, ociRuntime: options.ociRuntime, kernelVersion };
  const limits = [
    ...readBounds(bounds, { ...asked, limits: BOUNDS_LIMITS }),
    readForks(forks, { ...asked, limits: FORKS_LIMITS }),
  ];
  const missed = limits.filter(({ bites }) => bites === false).map(({ name, seen }) => `${name}: ${seen}`);
  options.logger.info({ missed }, 'measured which limits bite on this host');
  return limits;
}

/** What the gate wants to know. What was not measured counts as not enforced. */
export function toEnforced(limits: readonly MeasuredLimit[]): EnforcedLimits {
  const bites = (name: string): boolean =>
    limits.some((limit) => limit.name === name && limit.bites === true);
  return { network: bites('network'), cpu: bites('cpu'), pids: bites('pids'), memory: bites('memory') };
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
): (info: RuntimeInfo, image: ImageInfo) => Promise<readonly MeasuredLimit[]> {
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
    if (last?.key === key) return last.limits;
    const kept = await options.facts.read(FACT);
    last = isKept(kept) && kept.key === key ? kept : { key, limits: await probeLimits(options, info) };
    const { limits } = last;
    // A limit that didn't bite is measured again at the next start: its cure must not need a file to be deleted.
    if (limits.every(({ bites }) => bites !== false)) await options.facts.write(FACT, last);
    return limits;
  };
}

interface KeptLimits {
  readonly key: string;
  readonly limits: readonly MeasuredLimit[];
}

function isKept(value: unknown): value is KeptLimits {
  return (
    typeof value === 'object' &&
    value !== null &&
    'key' in value &&
    'limits' in value &&
    Array.isArray(value.limits)
  );
}
