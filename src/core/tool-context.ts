import type { ByteSink } from './container-runtime.ts';
import { toContainerSpec } from './container-spec.ts';
import type { JobFile, ProgramEnd } from './jobs/job.ts';
import type { JobHouse, RunningJob } from './jobs/running-job.ts';
import type { CapturedStreams } from './output-collector.ts';
import { type ContainerRunResult, runContainer } from './run-container.ts';
import type { Program, ToolContext } from './tool-handler.ts';
import { watchDisk } from './watch-disk.ts';
import type { CollectedFile } from './workspace.ts';

/** What became known while the tool ran. */
export interface ToolTrace {
  inputs: readonly CollectedFile[];
  timings: ContainerRunResult['timings'];
  outputComplete: boolean;
  /** Settles when the run's container is gone; never rejects. */
  removed: Promise<void>;
}

export interface ToolContextOptions {
  readonly house: JobHouse;
  readonly job: RunningJob;
  readonly streams: CapturedStreams;
}

/** Makes what the tool can reach, and the trace of what it did. */
export function createToolContext(options: ToolContextOptions): { context: ToolContext; trace: ToolTrace } {
  const { job } = options;
  const trace = emptyTrace();
  const called = new Set<string>();
  const once = (name: string): void => {
    if (called.has(name)) throw new Error(`a tool may call ${name} once in a job`);
    called.add(name);
  };
  const context: ToolContext = {
    jobId: job.id,
    signal: job.stop.signal,
    limits: job.limits,
    logger: job.logger,
    async writeInputs(files) {
      once('writeInputs');
      trace.inputs = await job.workspace.writeInputs(files, job.stop.signal);
    },
    async runContainer(program) {
      once('runContainer');
      return runProgram(options, trace, program);
    },
  };
  return { context, trace };
}

/** Of a tool that did nothing yet. */
export function emptyTrace(): ToolTrace {
  return {
    inputs: [],
    timings: { create: 0, start: 0, run: 0 },
    outputComplete: true,
    removed: Promise.resolve(),
  };
}

async function runProgram(
  options: ToolContextOptions,
  trace: ToolTrace,
  program: Program,
): Promise<ProgramEnd> {
  const { house, job, streams } = options;
  const { workspace } = job;
  const sandbox = house.sandboxes.open(job.limits.timeoutMs);
  job.record = { ...job.record, status: 'created', sandbox: sandbox.id };
  try {
    const [stdin] = await Promise.all([
      program.stdin === undefined ? undefined : workspace.writeStdin(program.stdin),
      // Before the program starts, so that after a crash the folder tells which container served it.
      workspace.writeControl('job.json', { ...job.record, inputs: trace.inputs } satisfies JobFile),
    ]);
    const spec = toContainerSpec(program, {
      image: house.image,
      ociRuntime: house.ociRuntime,
      ...(house.allowUnenforced === undefined ? {} : { allowUnenforced: house.allowUnenforced }),
      user: workspace.user,
      limits: job.limits,
      labels: sandbox.labels,
      workspace: workspace.mountSource,
      ...(stdin === undefined ? {} : { stdin }),
    });
    const started = tellStart(job);
    const result = await runContainer({
      runtime: house.runtime,
      spec,
      stdout: after(started, streams.stdout),
      stderr: after(started, streams.stderr),
      timeoutMs: job.limits.timeoutMs,
      signal: job.stop.signal,
      logger: job.logger,
      onStarted: () => {
        started();
        return guardDisk(job);
      },
    });
    trace.timings = result.timings;
    trace.outputComplete = result.outputComplete;
    trace.removed = result.removed;
    return result.end;
  } finally {
    // Closed before the reaper's next look only once the container is gone or given up.
    trace.removed.finally(() => sandbox.close());
  }
}

/** Tells once that the program runs. */
function tellStart(job: RunningJob): () => void {
  let told = false;
  return () => {
    if (told) return;
    told = true;
    const at = Date.now();
    job.record = { ...job.record, status: 'running', startedAt: new Date(at).toISOString() };
    job.log.append([{ kind: 'started', at }]);
  };
}

/** Output may come before the engine has answered that the program runs. */
function after(started: () => void, sink: ByteSink): ByteSink {
  return {
    write(chunk) {
      started();
      return sink.write(chunk);
    },
  };
}

/** Ends the run when it takes too much of the disk; the returned function stops looking. */
function guardDisk(job: RunningJob): () => void {
  const looking = new AbortController();
  void watchDisk(job.workspace, job.limits.diskBytes, looking.signal, () => job.stop.abort('disk_limit'));
  return () => looking.abort();
}
