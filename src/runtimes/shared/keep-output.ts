import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerId } from '../../core/container-runtime.ts';
import type { Logger } from '../../core/logger.ts';
import { type Delivery, deliverOutput, LONG_STALL_MS } from './deliver-output.ts';
import type { SinkQueue } from './sink-queue.ts';

/** How long the end of the output and the end of the container may lie apart before somebody asks what happened. */
const APART_MS = 300;
/** Looks after which an output that ended while its container runs on is lost. */
const SURE_AFTER = 3;
/** How long an output that stays open after the container's end may be silent. */
const SILENT_AFTER_END_MS = 3000;

export interface KeptOutput {
  /** Whether the sinks got every byte, given when the container ended by the engine's clock. */
  complete(finishedAt: number | undefined): boolean;
}

export interface OutputOptions {
  readonly id: ContainerId;
  readonly output: Readable;
  readonly queues: { readonly stdout: SinkQueue; readonly stderr: SinkQueue };
  /** Settles when the container has ended. */
  readonly ended: Promise<unknown>;
  readonly stillRuns: () => Promise<boolean>;
  /** A new output of the running container. Absent: this engine can't be attached to safely while its container may end. */
  readonly reattach?: () => Promise<Readable>;
  /** Called whenever an output has ended, before anything else is asked of the engine. */
  readonly onOutputEnded?: () => void;
  readonly logger: Logger;
}

/**
 * Delivers a container's output until the container has ended, and attaches again when the connection breaks before
 * that: the run's later output is then not lost with what the break took. Settles with every byte taken; never rejects.
 */
export async function keepOutput(options: OutputOptions): Promise<KeptOutput> {
  const { id, queues, ended, logger } = options;
  const end = ended.then(
    () => true,
    () => true,
  );
  const deliveries: Delivery[] = [];
  let whole = true;
  let source: Readable | undefined = options.output;
  while (source !== undefined) {
    const delivery = deliverOutput(source, queues, (words) =>
      logger.warn({ id, words }, 'the engine stopped an output'),
    );
    deliveries.push(delivery);
    closeWhenSilent(source, delivery, end);
    whole = (await delivery.ended) && whole;
    source.destroy();
    options.onOutputEnded?.();
    const next = await attachAgain(options, end);
    if (next !== 'ended') {
      whole = false;
      logger.warn({ id, again: next !== 'lost' }, 'the output connection broke during the run');
    }
    source = typeof next === 'string' ? undefined : next;
  }
  await Promise.all([queues.stdout.flushed(), queues.stderr.flushed()]);
  return {
    complete: (finishedAt) =>
      whole &&
      queues.stdout.failure === undefined &&
      queues.stderr.failure === undefined &&
      !deliveries.some((delivery) => droppedByEngine(delivery, finishedAt)),
  };
}

/** A new stream when the container still runs, and whether it has ended or can't be attached to again otherwise. */
async function attachAgain(
  { stillRuns, reattach }: OutputOptions,
  end: Promise<boolean>,
): Promise<Readable | 'ended' | 'lost'> {
  let seenRunning = 0;
  while (!(await Promise.race([end, sleep(APART_MS, false, { ref: false })]))) {
    try {
      if (!(await stillRuns())) continue;
      if (reattach !== undefined) return await reattach();
      // An engine under load may know of an end some time after the output's.
      seenRunning += 1;
      if (seenRunning === SURE_AFTER) return 'lost';
    } catch {
      // Whoever watches the container's end decides how long an engine may be away.
    }
  }
  return 'ended';
}

async function closeWhenSilent(source: Readable, delivery: Delivery, end: Promise<boolean>): Promise<void> {
  await end;
  let open = true;
  delivery.ended.then(() => {
    open = false;
  });
  for (let seen = -1; open && (seen !== delivery.pieces || delivery.stalledSince !== undefined); ) {
    seen = delivery.pieces;
    await Promise.race([delivery.ended, sleep(SILENT_AFTER_END_MS, undefined, { ref: false })]);
  }
  source.destroy();
}

/** At a program's end dockerd waits two seconds for a reader that doesn't read, then drops the rest without a word. */
function droppedByEngine(delivery: Delivery, finishedAt: number | undefined): boolean {
  const stall = delivery.longStall;
  if (stall === undefined || finishedAt === undefined) return false;
  return stall.to - Math.max(stall.from, finishedAt) >= LONG_STALL_MS;
}
