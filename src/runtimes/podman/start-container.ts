import type { Readable } from 'node:stream';
import {
  type ContainerId,
  type ContainerIo,
  type RunningContainer,
  RuntimeError,
} from '../../core/container-runtime.ts';
import type { Logger } from '../../core/logger.ts';
import { containerPath } from '../shared/container-path.ts';
import type { Engine } from '../shared/engine.ts';
import { followRun, neverRan } from '../shared/follow-run.ts';
import type { InspectedContainer } from '../shared/inspected-container.ts';
import { exitCodeOfStartFailure } from '../shared/translate-error.ts';
import { watchExit } from '../shared/watch-exit.ts';
import type { PodmanFacts } from './info.ts';
import { inspectContainer } from './inspect.ts';
import { createWaiter, pauseMs } from './wait.ts';
import { BLIND, type OomWatch, watchOom } from './watch-oom.ts';

const KILLED = 137;

/**
 * Attach first, start then, and wait last: a wait before the start is answered at once with 0. Attaching prepares the
 * container. It's never attached to a second time: should it have ended meanwhile, that would prepare it anew and with it
 * forget how it ended; so an output that breaks off is told as incomplete.
 */
export async function startContainer(
  engine: Engine,
  id: ContainerId,
  io: ContainerIo,
  { tellsOomKills }: PodmanFacts,
  logger: Logger,
): Promise<RunningContainer> {
  const inspect = () => inspectContainer(engine, id);
  let output: Readable | undefined;
  let oom = BLIND;
  try {
    output = await attach(engine, id);
    if (!tellsOomKills) oom = watchOom(id, (await inspect())?.pid ?? 0);
    await engine.request({ what: `start ${id}`, method: 'POST', path: containerPath(id, '/start') });
  } catch (error) {
    output?.destroy();
    oom.close();
    const exitCode = exitCodeOfStartFailure(error);
    if (exitCode === undefined) throw error;
    return neverRan(exitCode);
  }
  const waiter = createWaiter(engine, id);
  const ended = watchExit({
    engine,
    id,
    first: waiter.wait(),
    inspect,
    waitAgain: async () => waiter.wait(),
    pauseMs,
  });
  const onOutputEnded = () => {
    oom.look();
    waiter.expectEnd();
  };
  const stillRuns = async () => (await inspect())?.state.status === 'running';
  return followRun({ id, output, io, ended: withOom(ended, oom), stillRuns, onOutputEnded, logger });
}

async function attach(engine: Engine, id: ContainerId): Promise<Readable> {
  const path = containerPath(id, '/attach');
  const query = { stream: 'true', stdout: 'true', stderr: 'true' };
  try {
    return await engine.open({ what: `attach ${id}`, method: 'POST', path, query, hijack: true });
  } catch (error) {
    // A refused upgrade tells no reason. What attaching prepares can be asked for by itself, which does.
    if (error instanceof RuntimeError && error.message.endsWith('bad upgrade'))
      await engine.request({ what: `init ${id}`, method: 'POST', path: containerPath(id, '/init') });
    throw error;
  }
}

/** The record of an engine before Podman 5 knows of no OOM kill: the counter was read instead. */
async function withOom(ended: Promise<InspectedContainer>, oom: OomWatch): Promise<InspectedContainer> {
  try {
    const record = await ended;
    if (record.state.exitCode === KILLED) oom.reconsider();
    if (!oom.seen) return record;
    return { ...record, state: { ...record.state, oomKilled: true } };
  } finally {
    oom.close();
  }
}
