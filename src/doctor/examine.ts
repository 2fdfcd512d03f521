import type { ImageInfo, LimitName, RuntimeInfo } from '../core/container-runtime.ts';
import { toContainerSpec } from '../core/container-spec.ts';
import { toEngineError } from '../core/engine-errors.ts';
import { limitCure } from '../core/engine-gate.ts';
import type { Finding } from '../core/finding.ts';
import { DEFAULT_LIMITS } from '../core/limits.ts';
import { readDoors } from './check-doors.ts';
import { checkSetUp } from './check-engine.ts';
import { checkLanguages } from './check-image.ts';
import { checkMac, MAC_SOCKETS } from './check-mac.ts';
import { checkDisk, checkOutput } from './check-run.ts';
import { checkFree, checkStorage } from './check-storage.ts';
import { checkEscapes } from './known-escapes.ts';
import { type MeasuredLimit, toFinding } from './measured-limit.ts';
import type { LimitProbeOptions } from './probe-limits.ts';
import type { StorageProbeOptions } from './probe-storage.ts';
import { DOORS } from './programs.ts';
import { runProbe } from './run-probe.ts';

export interface ExamineOptions extends LimitProbeOptions, StorageProbeOptions {
  readonly allowUnenforced: readonly LimitName[];
  /** As Node names it: `linux`, `darwin`. */
  readonly platform: string;
  readonly storagePath: string;
  /** How the storage folder is called in what is said: its path, or where paths are nobody's business its variable. */
  readonly storageLabel: string;
  readonly measureLimits: (info: RuntimeInfo, image: ImageInfo) => Promise<readonly MeasuredLimit[]>;
  /** What may be told of an error beside its cure; absent: nothing. */
  readonly explain?: (error: unknown) => string;
  /** Once it aborts nothing more is begun. */
  readonly signal?: AbortSignal;
}

/**
 * Looks at everything that jobs need on this host, and measures each limit by a run. Never rejects: what can't be looked at
 * is a row that fails; rows that would need it are left out.
 */
export async function examine(options: ExamineOptions): Promise<readonly Finding[]> {
  const rows: Finding[] = [];
  /** Adds the rows of one look; `undefined` when it failed. */
  const look = async <T>(name: string, ask: () => Promise<T>, toRows: (seen: T) => readonly Finding[]) => {
    if (options.signal?.aborted) return undefined;
    try {
      const seen = await ask();
      rows.push(...toRows(seen));
      return seen;
    } catch (error) {
      rows.push(toFailure(name, error, options));
      return undefined;
    }
  };
  const add = (name: string, ask: () => Promise<Finding>) => look(name, ask, (row) => [row]);

  const free = add('free_space', () => checkFree(options.workspaces));
  const info = await look(
    'engine',
    () => options.runtime.info(),
    () => [],
  );
  await free;
  rows.unshift(...checkMac({ ...options, ...(info === undefined ? {} : { engine: info.name }) }));
  if (info === undefined) return rows;
  rows.unshift(...checkSetUp({ ...options, info }), ...checkEscapes(info, options.ociRuntime));
  if (rows.some(({ name, status }) => name === 'oci_runtime' && status === 'fail')) return rows;

  const image = await look(
    'image',
    () => options.runtime.ensureImage(options.image),
    ({ id }) => [{ name: 'image', status: 'ok', asked: options.image, seen: id, how: 'the engine has it' }],
  );
  if (image === undefined) return rows;
  await add('languages', () => checkLanguages(options));
  const storage = await add('storage', () => checkStorage(options, options.storageLabel));
  const limits = await look(
    'limits',
    () => options.measureLimits(info, image),
    (measured) =>
      measured.map((limit) => toFinding(limit, toCure(limit.name, info), options.allowUnenforced)),
  );
  if (storage !== undefined) {
    await add('disk', () => checkDisk(options));
    await add('output', () => checkOutput(options));
  }
  const ownKernel = limits?.some(({ name, bites }) => name === 'own_kernel' && bites === true) === true;
  await look(
    'seccomp_leaves_open',
    () => knock(options),
    (report) => readDoors(report, info, ownKernel),
  );
  return rows;
}

function knock(options: ExamineOptions) {
  return runProbe(options, (labels) =>
    toContainerSpec(
      { args: ['python3', '-c', DOORS], env: {} },
      { ...options, limits: DEFAULT_LIMITS, labels, allowUnenforced: ['cpu', 'memory', 'pids'] },
    ),
  );
}

function toFailure(name: string, error: unknown, options: ExamineOptions): Finding {
  const { image, runtime, explain, platform } = options;
  const seen = explain?.(error);
  const cure = toEngineError(error, image, runtime.name).message;
  return {
    name,
    status: 'fail',
    ...(seen === undefined ? {} : { seen }),
    cure: name === 'engine' && platform === 'darwin' ? `${cure} ${MAC_SOCKETS}` : cure,
  };
}

/** What makes a limit bite that was seen not to. */
function toCure(name: string, info: RuntimeInfo): string {
  if (name === 'cpu' || name === 'memory' || name === 'pids') {
    const cure = limitCure(info);
    return `${cure.charAt(0).toUpperCase()}${cure.slice(1)}; or accept it with AA_ALLOW_UNENFORCED=${name}.`;
  }
  if (name === 'own_kernel')
    return "Check where the engine's runtime of that name points, or unset AA_OCI_RUNTIME.";
  return 'The engine did not do what it was asked for: use its own socket, without a proxy or plugin that changes requests, or update it.';
}
