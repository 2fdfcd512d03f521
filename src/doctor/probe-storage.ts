import type { ContainerRuntime, ImageInfo, RuntimeInfo } from '../core/container-runtime.ts';
import { toContainerSpec } from '../core/container-spec.ts';
import { AppError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import { DEFAULT_LIMITS } from '../core/limits.ts';
import type { Logger } from '../core/logger.ts';
import type { Sandboxes } from '../core/sandboxes.ts';
import { type JobRef, type Workspace, WorkspaceError, type Workspaces } from '../core/workspace.ts';
import { type ProbeReport, runProbe } from './run-probe.ts';

export interface StorageProbeOptions {
  readonly runtime: ContainerRuntime;
  readonly sandboxes: Sandboxes;
  readonly workspaces: Workspaces;
  readonly image: string;
  readonly ociRuntime: string | undefined;
  readonly logger: Logger;
}

/**
 * The canary's folder lies among the jobs' as one of them, because theirs is the way that must be proven. Its id is none
 * that a job could have: the recovery of interrupted jobs would take it for one and remove it under the run.
 */
const CANARY: JobRef = { sessionId: 'aa-canary', jobId: 'canary' };
const OURS = 'ours';
const THEIRS = 'theirs';
const ANOTHER_FOLDER = 3;
const NOT_PERMITTED = 4;

/** Looks for the file that we wrote and writes one that says the same. Without `ls`, which asks for more than gVisor answers. */
const PROGRAM = `
[ -r . ] && [ -x . ] || exit ${NOT_PERMITTED}
[ -e ${OURS} ] || exit ${ANOTHER_FOLDER}
cp ${OURS} ${THEIRS} || exit ${NOT_PERMITTED}
`;

/**
 * Proves with a run that the engine mounts the very folder that we have: the run reads a file of ours, and we see the one
 * that it writes. A path that names two folders, one here and one where the engine is, is no error to the engine.
 * Rejects with an AppError that tells the cure, or with the engine's error when nothing ran.
 */
export async function probeStorage(options: StorageProbeOptions): Promise<void> {
  try {
    const { workspaces } = options;
    // A process that was killed may have left its own.
    await (await workspaces.open(CANARY))?.remove();
    const workspace = await workspaces.create(CANARY);
    try {
      await sendCanary(options, workspace);
    } finally {
      await workspace.remove();
    }
  } catch (error) {
    throw toSetUpError(error);
  }
}

async function sendCanary(options: StorageProbeOptions, workspace: Workspace): Promise<void> {
  const [sent] = await workspace.writeInputs([{ path: OURS, content: new TextEncoder().encode(newId()) }]);
  const report = await runProbe(options, (labels) =>
    toContainerSpec(
      { args: ['/bin/sh', '-c', PROGRAM], env: {} },
      {
        image: options.image,
        ociRuntime: options.ociRuntime,
        user: workspace.user,
        limits: DEFAULT_LIMITS,
        labels,
        workspace: workspace.mountSource,
        // Limits are another probe's business.
        allowUnenforced: ['cpu', 'memory', 'pids'],
      },
    ),
  );
  const { files } = await workspace.collect({ maxBytes: 4096, maxFiles: 10 });
  const seen = files.find(({ path }) => path === `workspace/${THEIRS}`);
  if (report.exit.exitCode === 0 && seen !== undefined && seen.sha256 === sent?.sha256) return;
  throw toProblem(report);
}

function toProblem({ exit, stderr }: ProbeReport): AppError {
  const cause = new Error(`the canary ended with ${exit.exitCode}: ${stderr.trim()}`);
  return new AppError('misconfigured', toSentence(exit.exitCode), { cause });
}

function toSentence(exitCode: number): string {
  switch (exitCode) {
    case 0:
    case ANOTHER_FOLDER:
      return "The engine mounts another folder than the service's: AA_STORAGE_PATH must name one folder by the same path for the service and for the engine's host. In a container, mount it at its own path.";
    case NOT_PERMITTED:
      return 'Programs in containers may not use the storage folder: with SELinux run `chcon -R -t container_file_t` on it; on macOS set AA_STORAGE_PATH to a folder below your home folder.';
    default:
      return 'The worker image could not run a shell in the storage folder: use an image made from aa-worker:latest.';
  }
}

/** What keeps the storage folder from being used, with its cure; any other error passes. */
export function toSetUpError(error: unknown): unknown {
  if (!(error instanceof WorkspaceError)) return error;
  const message =
    error.code === 'no_space'
      ? 'The storage folder has no room: delete old sessions or enlarge its disk.'
      : 'The service may not use its storage folder: give the folder to the user that the service runs as, or set another AA_STORAGE_PATH.';
  return new AppError(error.code === 'no_space' ? 'storage_full' : 'misconfigured', message, {
    cause: error,
  });
}

/** Proves it once for each engine and image. What failed is tried again at every call, so that its cure needs no restart. */
export function createStorageProbe(
  options: StorageProbeOptions,
): (info: RuntimeInfo, image: ImageInfo) => Promise<void> {
  let proven: string | undefined;
  return async (info, image) => {
    const key = JSON.stringify([info, image.id]);
    if (key === proven) return;
    await probeStorage(options);
    proven = key;
    options.logger.info({ engine: info.name }, 'the engine mounts the storage folder by its path');
  };
}
