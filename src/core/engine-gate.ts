import type { ContainerRuntime, ImageInfo, RuntimeInfo } from './container-runtime.ts';
import { toEngineError } from './engine-errors.ts';
import { AppError } from './errors.ts';
import type { Logger } from './logger.ts';

/** Limits that a host may fail to enforce, and whether each was seen to bite. */
export type EnforcedLimits = Readonly<Record<'cpu' | 'memory' | 'pids' | 'network', boolean>>;

export interface EngineGateOptions {
  readonly runtime: ContainerRuntime;
  readonly image: string;
  readonly ociRuntime: string | undefined;
  /** Limits that the operator lets go unenforced. */
  readonly allowUnenforced: readonly string[];
  /** Proves that the engine mounts our storage folder by its path, or recalls it; rejects with what is wrong. */
  readonly probeStorage: (info: RuntimeInfo, image: ImageInfo) => Promise<void>;
  /** Measures which limits bite with this engine and image, or recalls it. */
  readonly probeLimits: (info: RuntimeInfo, image: ImageInfo) => Promise<EnforcedLimits>;
  readonly logger: Logger;
}

export interface EngineStatus {
  /** Absent when the engine doesn't answer. */
  readonly info?: RuntimeInfo;
  /** Why no job can run now; absent when one can. */
  readonly problem?: AppError;
}

/** Knows whether a job can run now. Once open it costs a job nothing; once shut each caller's knock tries it again. */
export interface EngineGate {
  /** Resolves when jobs can run; rejects with the reason why not. Callers at the same time share one attempt. */
  pass(): Promise<void>;
  /** Asks the engine, unless it was asked within the last second. */
  status(): Promise<EngineStatus>;
  /** Resolves when no attempt is under way; never rejects. */
  settled(): Promise<void>;
  /** Something failed that the engine should have done: the next caller has it verified again. */
  suspect(): void;
}

const FRESH_MS = 1000;

export function createEngineGate(options: EngineGateOptions): EngineGate {
  let known: EngineStatus | undefined;
  let knownAt = 0;
  let attempt: Promise<EngineStatus> | undefined;

  const verify = (): Promise<EngineStatus> => {
    attempt ??= examine(options)
      .then((status) => {
        if (status.problem !== undefined && known?.problem?.message !== status.problem.message) {
          options.logger.warn(
            { code: status.problem.code, err: status.problem.cause },
            status.problem.message,
          );
        }
        known = status;
        knownAt = performance.now();
        return status;
      })
      .finally(() => {
        attempt = undefined;
      });
    return attempt;
  };

  return {
    async pass() {
      if (known !== undefined && known.problem === undefined) return;
      const { problem } = await verify();
      if (problem !== undefined) throw problem;
    },
    status() {
      return known !== undefined && performance.now() - knownAt < FRESH_MS
        ? Promise.resolve(known)
        : verify();
    },
    async settled() {
      await attempt?.catch(() => {});
    },
    suspect() {
      known = undefined;
    },
  };
}

async function examine(options: EngineGateOptions): Promise<EngineStatus> {
  let info: RuntimeInfo | undefined;
  try {
    info = await options.runtime.info();
    checkOciRuntime(info, options.ociRuntime);
    const image = await options.runtime.ensureImage(options.image);
    await options.probeStorage(info, image);
    const enforced = await options.probeLimits(info, image);
    checkLimits(enforced, options.allowUnenforced, info);
    return { info };
  } catch (error) {
    const problem = toEngineError(error, options.image, options.runtime.name);
    return info === undefined ? { problem } : { info, problem };
  }
}

function checkOciRuntime(info: RuntimeInfo, wanted: string | undefined): void {
  if (wanted === undefined || info.ociRuntimes.includes(wanted)) return;
  throw new AppError(
    'misconfigured',
    `AA_OCI_RUNTIME=${wanted} isn't known to the engine, which has ${info.ociRuntimes.join(', ')}: use one of these or register it.`,
  );
}

function checkLimits(enforced: EnforcedLimits, allowed: readonly string[], info: RuntimeInfo): void {
  const missing = Object.entries(enforced)
    .filter(([name, bites]) => !bites && !allowed.includes(name))
    .map(([name]) => name);
  if (missing.length === 0) return;
  const cure = missing.includes('network')
    ? 'runs must never reach a network, so this engine cannot be used until it can be switched off'
    : `${limitCure(info)}, or accept it with AA_ALLOW_UNENFORCED=${missing.join(',')}`;
  throw new AppError(
    'limits_not_enforced',
    `On this host these limits do not bite: ${missing.join(', ')}; ${cure}.`,
  );
}

/** What makes these limits bite: a rootless engine has only what is delegated to its user. */
function limitCure({ rootless, cgroupVersion }: RuntimeInfo): string {
  if (!rootless) return 'enable these cgroup controllers for the engine';
  if (cgroupVersion === 1) {
    return 'a rootless engine can limit nothing under cgroup v1, so boot with systemd.unified_cgroup_hierarchy=1 or use a rootful engine';
  }
  return `delegate the controllers to the engine's user: write "[Service]" and "Delegate=cpu cpuset io memory pids" into /etc/systemd/system/user@.service.d/delegate.conf, run \`systemctl daemon-reload\` and sign in again`;
}
