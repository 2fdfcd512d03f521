import type { ContainerId, ContainerIo, RunningContainer } from '../../core/container-runtime.ts';
import type { Logger } from '../../core/logger.ts';
import { containerPath } from '../shared/container-path.ts';
import type { Engine } from '../shared/engine.ts';
import { followRun, neverRan } from '../shared/follow-run.ts';
import { exitCodeOfStartFailure } from '../shared/translate-error.ts';
import { watchExit } from '../shared/watch-exit.ts';
import { inspectContainer } from './inspect.ts';
import { openBoth, openOutput, openWait } from './open-streams.ts';

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
    const exitCode = exitCodeOfStartFailure(error);
    if (exitCode === undefined) throw error;
    return neverRan(exitCode);
  }
  const inspect = () => inspectContainer(engine, id);
  const ended = watchExit({
    engine,
    id,
    first: wait,
    inspect,
    waitAgain: () => openWait(engine, id, 'not-running'),
  });
  const stillRuns = async () => (await inspect())?.state.status === 'running';
  return followRun({ id, output, io, ended, stillRuns, reattach: () => openOutput(engine, id), logger });
}
