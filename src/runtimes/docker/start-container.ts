import {
  type ContainerExit,
  type ContainerId,
  type ContainerIo,
  type RunningContainer,
  RuntimeError,
} from '../../core/container-runtime.ts';
import type { Logger } from '../../core/logger.ts';
import { createSinkQueue } from '../shared/sink-queue.ts';
import type { Engine } from './connect.ts';
import { containerPath } from './container-path.ts';
import { exitCodeOfStartFailure } from './from-engine-error.ts';
import type { InspectedContainer } from './from-inspect.ts';
import { keepOutput } from './keep-output.ts';
import { openBoth } from './open-streams.ts';
import { watchExit } from './watch-exit.ts';

/** Attach and wait first, start then: a program may end before the start's answer comes. */
export async function startContainer(
  engine: Engine,
  id: ContainerId,
  io: ContainerIo,
  logger: Logger,
): Promise<RunningContainer> {
  const { output, wait } = await openBoth(engine, id);
  try {
    await engine.request({ what: `start ${id}`, method: 'POST', path: containerPath(id, '/start') });
  } catch (error) {
    output.destroy();
    wait.abandon();
    const exitCode = error instanceof RuntimeError ? exitCodeOfStartFailure(error) : undefined;
    if (exitCode === undefined) throw error;
    return { exited: Promise.resolve({ exitCode, oomKilled: false, durationMs: 0, outputComplete: true }) };
  }
  const queues = { stdout: createSinkQueue(io.stdout), stderr: createSinkQueue(io.stderr) };
  const ended = watchExit(engine, id, wait);
  const delivered = keepOutput(engine, id, output, queues, ended, logger);
  const exited = settle(ended, delivered);
  // The caller may look at `exited` later; until then a rejection must not end the process.
  exited.catch(() => {});
  return { exited };
}

async function settle(
  ended: Promise<InspectedContainer>,
  delivered: Promise<{ complete(finishedAt: number | undefined): boolean }>,
): Promise<ContainerExit> {
  const [output, end] = await Promise.allSettled([delivered, ended]);
  if (end.status === 'rejected') throw end.reason;
  const { state, startedAt, finishedAt } = end.value;
  return {
    exitCode: state.exitCode ?? 0,
    oomKilled: state.oomKilled,
    durationMs: startedAt === undefined || finishedAt === undefined ? 0 : Math.max(0, finishedAt - startedAt),
    outputComplete: output.status === 'fulfilled' && output.value.complete(finishedAt),
  };
}
