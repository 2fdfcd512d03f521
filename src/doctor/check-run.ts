import { toContainerSpec } from '../core/container-spec.ts';
import type { Finding } from '../core/finding.ts';
import { newId } from '../core/ids.ts';
import { DEFAULT_LIMITS, type Limits } from '../core/limits.ts';
import { createOutputCollector } from '../core/output-collector.ts';
import { type ContainerRunResult, runContainer } from '../core/run-container.ts';
import { watchDisk } from '../core/watch-disk.ts';
import type { Workspace } from '../core/workspace.ts';
import type { StorageProbeOptions } from './probe-storage.ts';

const MIB = 1024 * 1024;
const TIMEOUT_MS = 20_000;

/** Among the jobs' folders as one of them, because theirs is the way that is measured. */
const SESSION = 'aa-canary';

const LIMITS: Limits = { ...DEFAULT_LIMITS, timeoutMs: TIMEOUT_MS, diskBytes: 8 * MIB, outputBytes: MIB };
const PRINTED_BYTES = 4 * MIB;

/** Below the file's own bound, so that it's the watch that ends it. */
const FILL = `
n=0
while [ $n -lt 64 ]; do
  head -c 1048576 /dev/zero > part$n || exit 1
  n=$((n + 1))
  sleep 0.05
done
`;

/** A run that writes more than it may into `/workspace` is ended by the service's own watch. */
export function checkDisk(options: StorageProbeOptions): Promise<Finding> {
  return inWorkspace(options, async (workspace) => {
    const stop = new AbortController();
    const looking = new AbortController();
    const onStarted = (): (() => void) => {
      void watchDisk(workspace, LIMITS.diskBytes, looking.signal, () => stop.abort('disk_limit'));
      return () => looking.abort();
    };
    const { end, removed } = await run(options, workspace, { program: FILL, signal: stop.signal, onStarted });
    const { bytes } = await workspace.usage();
    await removed;
    const ended = end.outcome === 'disk_limit';
    return {
      name: 'disk',
      status: ended ? 'ok' : 'fail',
      asked: `${mib(LIMITS.diskBytes)} (the probe's own)`,
      seen: ended
        ? `ended with disk_limit after ${(end.durationMs / 1000).toFixed(1)} s at ${mib(bytes)}`
        : `${end.outcome} ${end.exitCode} with ${mib(bytes)} written`,
      how: 'a run wrote up to 64 MiB into /workspace in 3 s',
      ...(ended
        ? {}
        : { cure: 'Give the storage folder a local file system that counts blocks, by AA_STORAGE_PATH.' }),
    };
  });
}

/** Of a run that prints more than is kept the rest is counted, and the run goes on to its end. */
export function checkOutput(options: StorageProbeOptions): Promise<Finding> {
  return inWorkspace(options, async (workspace) => {
    const stdout = createOutputCollector(await workspace.openOutput('stdout'), LIMITS.outputBytes);
    const program = `head -c ${PRINTED_BYTES} /dev/zero`;
    const { end, removed } = await run(options, workspace, {
      program,
      stdout,
      signal: new AbortController().signal,
      onStarted: () => () => {},
    });
    const { omittedBytes } = await stdout.finish();
    await removed;
    const good = end.exitCode === 0 && omittedBytes === PRINTED_BYTES - LIMITS.outputBytes;
    return {
      name: 'output',
      status: good ? 'ok' : 'fail',
      asked: `${mib(LIMITS.outputBytes)} kept (the probe's own), the rest counted`,
      seen: `${omittedBytes ?? 'unknown'} bytes left out, the program ended with ${end.exitCode}`,
      how: `a run printed ${mib(PRINTED_BYTES)}`,
      ...(good ? {} : { cure: "Use the engine's own socket: what stands in between loses output." }),
    };
  });
}

async function inWorkspace(
  { workspaces }: StorageProbeOptions,
  use: (workspace: Workspace) => Promise<Finding>,
): Promise<Finding> {
  const workspace = await workspaces.create({ sessionId: SESSION, jobId: newId() });
  try {
    return await use(workspace);
  } finally {
    await workspace.remove();
  }
}

interface ProbeRun {
  readonly program: string;
  readonly signal: AbortSignal;
  readonly onStarted: () => () => void;
  readonly stdout?: { write(chunk: Uint8Array): void | Promise<void> };
}

const nowhere = { write: (): void => {} };

async function run(
  { runtime, sandboxes, image, ociRuntime, logger }: StorageProbeOptions,
  workspace: Workspace,
  { program, stdout = nowhere, ...rest }: ProbeRun,
): Promise<ContainerRunResult> {
  const sandbox = sandboxes.open(TIMEOUT_MS);
  try {
    const spec = toContainerSpec(
      { args: ['/bin/sh', '-c', program], env: {} },
      {
        image,
        ociRuntime,
        user: workspace.user,
        limits: LIMITS,
        labels: sandbox.labels,
        workspace: workspace.mountSource,
        // These are other rows' business.
        allowUnenforced: ['cpu', 'memory', 'pids'],
      },
    );
    return await runContainer({
      runtime,
      spec,
      stdout,
      stderr: nowhere,
      timeoutMs: TIMEOUT_MS,
      logger,
      ...rest,
    });
  } finally {
    sandbox.close();
  }
}

const mib = (bytes: number): string => `${(bytes / MIB).toFixed(bytes % MIB === 0 ? 0 : 1)} MiB`;
