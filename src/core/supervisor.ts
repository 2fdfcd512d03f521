import { within } from './abort.ts';
import { type Admission, shuttingDown, type Ticket } from './admission.ts';
import type { EngineGate } from './engine-gate.ts';
import { AppError } from './errors.ts';
import { newJobId } from './ids.ts';
import { acceptJob, forgetJob, toStorageError } from './jobs/accept-job.ts';
import type { JobRecord, Manifest } from './jobs/job.ts';
import { type LiveJob, startJob } from './jobs/live-job.ts';
import type { JobHouse, JobOrder, RunningJob } from './jobs/running-job.ts';
import { clampLimits, type LimitPolicy, type RequestedLimits } from './limits.ts';
import type { Logger } from './logger.ts';
import { type LoadNow, languageOf, type Metrics } from './metrics.ts';
import type { ToolHandler } from './tool-handler.ts';
import type { JobRef, Workspaces } from './workspace.ts';

export interface SupervisorOptions extends JobHouse {
  readonly admission: Admission;
  readonly gate: EngineGate;
  readonly policy: LimitPolicy;
  /** Milliseconds for which a streamed job goes on while nobody reads its stream. */
  readonly resumeGraceMs: number;
  /** Is told of each job that has stopped without its end being kept. */
  readonly onUnkept: (job: JobRef) => void;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface JobRequest {
  readonly tool: ToolHandler;
  readonly sessionId: string;
  /** Whose job it is; `undefined` where callers aren't told apart. */
  readonly owner?: string | undefined;
  /** What `tool.input` has parsed. */
  readonly input: RequestedLimits;
  /** The job's id, where it had to be known before; made by `newJobId`. */
  readonly id?: string;
  /**
   * What the job lives by. The signal of a client that waits for the answer: the job ends with it, and is forgotten when it never
   * ran. `stream`: it ends when nobody reads its stream for a while. `itself`: it runs to its end.
   */
  readonly livesBy: AbortSignal | 'stream' | 'itself';
  readonly logger: Logger;
}

/** One job's life, from the request to the manifest. */
export interface Supervisor {
  /**
   * Takes a job: it has a folder and its place in the queue once this resolves. Rejects with an AppError when it can't be
   * taken; then nothing is left.
   */
  submit(request: JobRequest): Promise<LiveJob>;
  /** A job of this process that hasn't stopped. */
  find(jobId: string): LiveJob | undefined;
  /** Whether the folder of this job is in this process's hands. */
  holds(jobId: string): boolean;
  /** Every job of this process that hasn't stopped, in the order in which they came. */
  list(): readonly LiveJob[];
  load(): LoadNow;
  /** Whether `close` was called: no job is taken any more. */
  isClosing(): boolean;
  /** Takes no more jobs, gives the running ones `drainMs` to end, cancels the rest, and waits until all are removed. */
  close(drainMs: number): Promise<void>;
}

/** After the drain a cancelled run ends within its kill ladder, or is left to the next start. */
const CANCEL_WAIT_MS = 3000;
/** Free space below which no job is taken: control files and captured output must still fit. */
const RESERVE = { bytes: 64 * 1024 * 1024, inodes: 1024 };

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { admission, gate, workspaces, logger } = options;
  const jobs = new Map<string, LiveJob>();
  /** Ids of jobs that are about to be among them. */
  const accepting = new Set<string>();
  let closed = false;

  const submit = async (request: JobRequest): Promise<LiveJob> => {
    if (closed) throw shuttingDown();
    const arrived = performance.now();
    await gate.pass();
    await checkSpace(workspaces);
    const ticket = admission.enter(request.owner);
    const order = toOrder(request, options.policy);
    accepting.add(order.id);
    try {
      return await begin(request, order, ticket, arrived);
    } finally {
      accepting.delete(order.id);
    }
  };

  const begin = async (
    { livesBy }: JobRequest,
    order: JobOrder,
    ticket: Ticket,
    arrived: number,
  ): Promise<LiveJob> => {
    const begun = performance.now();
    const job = await acceptJob(workspaces, order, ticket.position).catch((error) => {
      giveUp(ticket);
      throw error;
    });
    const acceptMs = performance.now() - begun;
    // What isn't among the jobs yet isn't waited for by `close`.
    if (closed) {
      giveUp(ticket);
      await forgetJob(job);
      throw shuttingDown();
    }
    const live = startJob({
      house: options,
      job,
      ticket,
      isKnown: typeof livesBy === 'string',
      graceMs: livesBy === 'stream' ? options.resumeGraceMs : undefined,
      arrived,
      acceptMs,
      onUnkept: () => options.onUnkept(job.workspace.job),
      onStopped: () => jobs.delete(order.id),
    });
    jobs.set(order.id, live);
    tellEnd(options, job, live.done);
    if (typeof livesBy !== 'string') endWith(livesBy, live);
    return live;
  };

  const allSettled = (): Promise<unknown> => Promise.allSettled([...jobs.values()].map(({ done }) => done));

  return {
    submit,
    find: (jobId) => jobs.get(jobId),
    holds: (jobId) => jobs.has(jobId) || accepting.has(jobId),
    list: () => [...jobs.values()],
    load: admission.stats,
    isClosing: () => closed,
    async close(drainMs) {
      closed = true;
      admission.close();
      await within(allSettled(), drainMs, () => {});
      for (const job of jobs.values()) job.cancel();
      await within(allSettled(), CANCEL_WAIT_MS, () =>
        logger.error({ jobs: jobs.size }, 'runs did not end in time and are left to the next start'),
      );
    },
  };
}

/** What a job's end is to others: a count, and perhaps a reason to look at the engine before the next job. */
function tellEnd({ gate, metrics }: SupervisorOptions, job: RunningJob, done: Promise<Manifest>): void {
  const tell = ({ end, error, timings }: Pick<JobRecord, 'end' | 'error' | 'timings'>): void => {
    const code = error?.code;
    // Whoever leaves before their job's turn is told the only thing that can still be told: nobody reads it.
    const hasLeft = job.record.status === 'queued' && code === 'infra_error';
    // When nobody knows how a run ended, or no engine took it.
    if (code === 'engine_unavailable' || (code === 'infra_error' && !hasLeft)) gate.suspect();
    metrics.jobStopped({
      tool: job.tool.name,
      language: languageOf(job.input),
      outcome: end?.outcome ?? (hasLeft ? 'canceled' : (code ?? 'internal')),
      ...(timings === undefined ? {} : { timings }),
    });
  };
  done.then(
    (manifest) => tell(manifest.job),
    (error: unknown) => {
      tell(error instanceof AppError ? { error } : {});
      const code = error instanceof AppError ? error.code : 'internal';
      const err = error instanceof AppError ? error.cause : error;
      // Nobody may be waiting who would be told.
      job.logger.warn({ code, ...(err === undefined ? {} : { err }) }, 'the job has no end of its own');
    },
  );
}

/** Ends a job once its client has gone, which may have happened before anybody listened. */
function endWith(client: AbortSignal, job: LiveJob): void {
  client.addEventListener('abort', job.abandon);
  if (client.aborted) job.abandon();
  job.done.catch(() => {}).finally(() => client.removeEventListener('abort', job.abandon));
}

function giveUp(ticket: Ticket): void {
  ticket.leave();
  ticket.turn.then((giveBack) => giveBack?.()).catch(() => {});
}

function toOrder(request: JobRequest, policy: LimitPolicy): JobOrder {
  const { tool, sessionId, owner, input, id = newJobId(sessionId, owner) } = request;
  const logger = request.logger.child({ job: id, session: sessionId, tool: tool.name });
  return { id, sessionId, owner, tool, input, limits: clampLimits(input, policy), logger };
}

async function checkSpace(workspaces: Workspaces): Promise<void> {
  const free = await workspaces.free().catch((error) => {
    throw toStorageError(error);
  });
  if (free.bytes >= RESERVE.bytes && free.inodes >= RESERVE.inodes) return;
  throw new AppError(
    'storage_full',
    'The storage folder has no room for another job: delete old sessions or enlarge its disk.',
  );
}
