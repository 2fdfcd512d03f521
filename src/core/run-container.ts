import { sleep, within } from './abort.ts';
import {
  type ByteSink,
  type ContainerExit,
  type ContainerRuntime,
  type ContainerSpec,
  RuntimeError,
} from './container-runtime.ts';
import { toEngineError } from './engine-errors.ts';
import { AppError } from './errors.ts';
import { type Outcome, type ProgramEnd, signalOf } from './jobs/job.ts';
import type { Logger } from './logger.ts';

/** Between SIGTERM and SIGKILL. A cancelled run is dead within 2 s, this and the engine's own time included. */
const TERM_GRACE_MS = 500;
/** After SIGKILL the engine must know the end within this time; else we couldn't find out. */
const KILL_WAIT_MS = 10_000;
const SIGTERM_EXIT_CODE = 143;

/** Ends that the supervisor decides; the first cause stays. */
export type EndCause = Extract<Outcome, 'timed_out' | 'canceled' | 'disk_limit'>;

export interface ContainerRun {
  readonly runtime: ContainerRuntime;
  readonly spec: ContainerSpec;
  readonly stdout: ByteSink;
  readonly stderr: ByteSink;
  readonly timeoutMs: number;
  /** Aborts with an {@link EndCause} as its reason; any other reason means `canceled`. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** Called once the program runs; the returned function once it has ended. */
  readonly onStarted: () => () => void;
}

export interface ContainerRunResult {
  readonly end: ProgramEnd;
  /** False when the engine's connection broke: captured output may lack bytes. */
  readonly outputComplete: boolean;
  /** Milliseconds. */
  readonly timings: { readonly create: number; readonly start: number; readonly run: number };
  /** Settles when the container is gone. Never rejects: what couldn't be removed is left to the reaper. */
  readonly removed: Promise<void>;
}

/**
 * One container's whole life: create, start, wait or end it, remove. Rejects with the engine's error when no program ran,
 * and with `infra_error` when one may have run and its end couldn't be found out; the container is removed all the same.
 */
export async function runContainer(run: ContainerRun): Promise<ContainerRunResult> {
  const begun = performance.now();
  if (run.signal.aborted) return neverStarted(run, performance.now() - begun);
  const id = await run.runtime.create(run.spec).catch((error) => {
    throw toEngineError(error, run.spec.image, run.runtime.name);
  });
  const created = performance.now();
  let removed: Promise<void> | undefined;
  try {
    if (run.signal.aborted) return neverStarted(run, created - begun);
    const { exited } = await run.runtime.start(id, { stdout: run.stdout, stderr: run.stderr });
    const started = performance.now();
    const { exit, cause } = await watch(run, id, exited);
    const ended = performance.now();
    removed = remove(run, id);
    return {
      end: toProgramEnd(exit, cause),
      outputComplete: exit.outputComplete,
      timings: { create: created - begun, start: started - created, run: ended - started },
      removed,
    };
  } catch (error) {
    throw new AppError('infra_error', 'It could not be found out how the run ended: run it again.', {
      cause: error,
    });
  } finally {
    if (removed === undefined) await remove(run, id);
  }
}

/** Waits for the end, or brings it about: SIGTERM, a grace, SIGKILL, and a bound on how long that may take. */
async function watch(
  run: ContainerRun,
  id: string,
  exited: Promise<ContainerExit>,
): Promise<{ exit: ContainerExit; cause: EndCause | undefined }> {
  const onEnded = run.onStarted();
  const ended = new AbortController();
  const settled = exited.finally(() => ended.abort());
  settled.catch(() => {});
  try {
    const cause = await endCause(run, ended.signal);
    if (cause === undefined) return { exit: await settled, cause };
    run.logger.debug({ cause }, 'ending the program');
    const exit = await kill(run, id, settled, ended.signal);
    return { exit, cause };
  } finally {
    onEnded();
  }
}

/** Resolves when the program has ended by itself (`undefined`) or must be ended. */
async function endCause(run: ContainerRun, ended: AbortSignal): Promise<EndCause | undefined> {
  const over = AbortSignal.any([ended, run.signal]);
  await sleep(run.timeoutMs, over);
  if (ended.aborted) return undefined;
  return run.signal.aborted ? causeOf(run.signal) : 'timed_out';
}

function causeOf(signal: AbortSignal): EndCause {
  return signal.reason === 'disk_limit' ? 'disk_limit' : 'canceled';
}

/** What is told of a run that `signal` ended before its program began: as if the first SIGTERM had met it. */
export function endBeforeStart(signal: AbortSignal): ProgramEnd {
  return { outcome: causeOf(signal), exitCode: SIGTERM_EXIT_CODE, signal: 'SIGTERM', durationMs: 0 };
}

function neverStarted(run: ContainerRun, create: number): ContainerRunResult {
  return {
    end: endBeforeStart(run.signal),
    outputComplete: true,
    timings: { create, start: 0, run: 0 },
    removed: Promise.resolve(),
  };
}

async function kill(
  run: ContainerRun,
  id: string,
  exited: Promise<ContainerExit>,
  ended: AbortSignal,
): Promise<ContainerExit> {
  const send = (signal: 'SIGTERM' | 'SIGKILL'): void => {
    run.runtime
      .kill(id, signal)
      .catch((error) => run.logger.warn({ err: error, signal }, 'the engine did not take the signal'));
  };
  send('SIGTERM');
  await sleep(TERM_GRACE_MS, ended);
  if (!ended.aborted) send('SIGKILL');
  return within(exited, KILL_WAIT_MS, () => {
    throw new RuntimeError('unavailable', `no end was reported within ${KILL_WAIT_MS} ms of SIGKILL`);
  });
}

async function remove(run: ContainerRun, id: string): Promise<void> {
  try {
    await run.runtime.remove(id);
  } catch (error) {
    run.logger.warn({ err: error, container: id }, 'the container is left to the reaper');
  }
}

function toProgramEnd(exit: ContainerExit, cause: EndCause | undefined): ProgramEnd {
  const signal = signalOf(exit.exitCode);
  const outcome = cause ?? ownOutcome(exit, signal);
  return {
    outcome,
    exitCode: exit.exitCode,
    ...(signal === undefined ? {} : { signal }),
    ...(exit.oomKilled && outcome !== 'oom_killed' ? { oomKilled: true as const } : {}),
    durationMs: Math.round(exit.durationMs),
  };
}

/** Why a program ended that we didn't end. */
function ownOutcome(exit: ContainerExit, signal: string | undefined): Outcome {
  if (signal === undefined) return 'exited';
  if (signal === 'SIGKILL' && exit.oomKilled) return 'oom_killed';
  // The kernel sends it to whoever writes past the file size that the run's disk limit allows.
  return signal === 'SIGXFSZ' ? 'disk_limit' : 'signaled';
}
