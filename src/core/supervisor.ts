import { within } from './abort.ts';
import { type Admission, shuttingDown } from './admission.ts';
import type { EngineGate } from './engine-gate.ts';
import { AppError } from './errors.ts';
import { newId } from './ids.ts';
import type { Manifest } from './job.ts';
import { runJob } from './job-run.ts';
import { clampLimits, type LimitPolicy, type RequestedLimits } from './limits.ts';
import type { Logger } from './logger.ts';
import type { JobHouse, RunningJob } from './running-job.ts';
import type { ToolHandler } from './tool-handler.ts';
import type { Workspaces } from './workspace.ts';

export interface SupervisorOptions extends JobHouse {
  readonly admission: Admission;
  readonly gate: EngineGate;
  readonly policy: LimitPolicy;
  readonly logger: Logger;
}

export interface ExecuteRequest {
  readonly tool: ToolHandler;
  readonly sessionId: string;
  /** Whose job it is; `undefined` where callers aren't told apart. */
  readonly owner?: string | undefined;
  /** What `tool.input` has parsed. */
  readonly input: RequestedLimits;
  /** Aborts when the client has gone: the run is then cancelled. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** One job's life, from the request to the manifest. */
export interface Supervisor {
  /**
   * Runs a tool and resolves with the manifest of the finished job. A manifest whose job has no `end` says that it
   * couldn't be found out how the run ended. Rejects with an AppError when no program ran; then nothing is left.
   */
  execute(request: ExecuteRequest): Promise<Manifest>;
  /** Whether `close` was called: no job is taken any more. */
  isClosing(): boolean;
  /** Whether the job runs in this process now. */
  isRunning(jobId: string): boolean;
  /** Takes no more jobs, gives the running ones `drainMs` to end, cancels the rest, and waits until all are removed. */
  close(drainMs: number): Promise<void>;
}

/** After the drain a cancelled run ends within its kill ladder, or is left to the next start. */
const CANCEL_WAIT_MS = 3000;
/** Free space below which no job is taken: control files and captured output must still fit. */
const RESERVE = { bytes: 64 * 1024 * 1024, inodes: 1024 };

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { admission, gate, logger } = options;
  const running = new Map<string, { readonly job: RunningJob; readonly done: Promise<unknown> }>();
  let closed = false;

  const run = async (request: ExecuteRequest, queueMs: number): Promise<Manifest> => {
    const job = toJob(request, options.policy, queueMs);
    const cancel = (): void => job.stop.abort('canceled');
    request.signal.addEventListener('abort', cancel);
    // The client may have gone between its turn and now; that event won't come again.
    if (request.signal.aborted) cancel();
    const done = runJob(options, job);
    running.set(job.id, { job, done });
    try {
      const manifest = await done;
      // Nobody knows how the run ended, so the engine is looked at before the next one.
      if (manifest.job.end === undefined) gate.suspect();
      return manifest;
    } catch (error) {
      if (error instanceof AppError && error.code === 'engine_unavailable') gate.suspect();
      throw error;
    } finally {
      running.delete(job.id);
      request.signal.removeEventListener('abort', cancel);
    }
  };

  const execute = async (request: ExecuteRequest): Promise<Manifest> => {
    if (closed) throw shuttingDown();
    const arrived = performance.now();
    await gate.pass();
    const release = await admission.acquire(request.signal);
    try {
      await checkSpace(options.workspaces);
      // What isn't among the running yet isn't waited for by `close`.
      if (closed) throw shuttingDown();
      return await run(request, performance.now() - arrived);
    } finally {
      release();
    }
  };

  const allSettled = (): Promise<unknown> =>
    Promise.allSettled([...running.values()].map(({ done }) => done));

  const close = async (drainMs: number): Promise<void> => {
    closed = true;
    admission.close();
    await within(allSettled(), drainMs, () => {});
    for (const { job } of running.values()) job.stop.abort('canceled');
    await within(allSettled(), CANCEL_WAIT_MS, () =>
      logger.error({ jobs: running.size }, 'runs did not end in time and are left to the next start'),
    );
  };

  return { execute, isClosing: () => closed, isRunning: (jobId) => running.has(jobId), close };
}

function toJob(request: ExecuteRequest, policy: LimitPolicy, queueMs: number): RunningJob {
  const id = newId();
  const { tool, sessionId, owner, input } = request;
  const stop = new AbortController();
  const logger = request.logger.child({ job: id, session: sessionId, tool: tool.name });
  return { id, sessionId, owner, tool, input, limits: clampLimits(input, policy), stop, queueMs, logger };
}

async function checkSpace(workspaces: Workspaces): Promise<void> {
  const free = await workspaces.free();
  if (free.bytes >= RESERVE.bytes && free.inodes >= RESERVE.inodes) return;
  throw new AppError(
    'storage_full',
    'The storage folder has no room for another job: delete old sessions or enlarge its disk.',
  );
}
