import { type ContainerId, type ContainerRuntime, RuntimeError } from '../../core/container-runtime.ts';
import { type Logger, silentLogger } from '../../core/logger.ts';
import { killContainer } from '../shared/kill.ts';
import { listContainers } from '../shared/list.ts';
import { removeContainer } from '../shared/remove.ts';
import { createPodmanEngine } from './connect.ts';
import { createContainer } from './create-container.ts';
import { inspectImage } from './ensure-image.ts';
import { fromListRow } from './from-inspect.ts';
import { readFacts } from './info.ts';
import { inspectContainer } from './inspect.ts';
import { startContainer } from './start-container.ts';

export interface PodmanRuntimeOptions {
  /** The engine's unix socket, or how to find it; a finder is asked again after each connection that failed. */
  readonly socketPath: string | (() => Promise<string>);
  readonly logger?: Logger;
  /** How long one call to the engine may take, in ms; runs and their output aren't bounded by it. */
  readonly deadlineMs?: number;
}

const DEFAULT_DEADLINE_MS = 10_000;

/** Podman 4.3 and later over its unix socket, rootful or rootless. Building it connects to nothing. */
export function createPodmanRuntime(options: PodmanRuntimeOptions): ContainerRuntime {
  const { socketPath, logger = silentLogger, deadlineMs = DEFAULT_DEADLINE_MS } = options;
  const findSocket = typeof socketPath === 'string' ? async () => socketPath : socketPath;
  const engine = createPodmanEngine({ findSocket, deadlineMs });
  const neverStarted = new Set<ContainerId>();
  let lastCreated: Promise<unknown> = Promise.resolve();

  /** Attaching to an ended container would prepare it anew; the record is only asked about containers of others. */
  const claimStart = async (id: ContainerId): Promise<void> => {
    if (neverStarted.delete(id)) return;
    const record = await inspectContainer(engine, id);
    if (record === undefined) throw new RuntimeError('not_found', `No such container: ${id}`);
    if (record.state.status !== 'created') throw new RuntimeError('conflict', `${id} was started before`);
  };

  return {
    name: 'podman',
    info: async () => (await readFacts(engine)).info,
    ensureImage: (ref) => inspectImage(engine, ref),
    async create(spec) {
      const facts = await engine.facts();
      const make = (): Promise<ContainerId> => createContainer(engine, spec, facts, logger);
      // A rootless Podman asks a library for its subordinate ids that isn't made for threads: two at a time may crash it.
      const created = facts.info.rootless ? lastCreated.then(make, make) : make();
      lastCreated = created;
      const id = await created;
      neverStarted.add(id);
      return id;
    },
    async start(id, io) {
      const facts = await engine.facts();
      await claimStart(id);
      return await startContainer(engine, id, io, facts, logger);
    },
    kill: (id, signal) => killContainer(engine, id, signal),
    async remove(id) {
      await removeContainer(engine, id);
      neverStarted.delete(id);
    },
    inspect: async (id) => (await inspectContainer(engine, id))?.state,
    list: ({ labels }) => listContainers(engine, labels, fromListRow),
    async close() {
      engine.close();
    },
  };
}
