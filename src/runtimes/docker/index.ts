import { type ContainerId, type ContainerRuntime, RuntimeError } from '../../core/container-runtime.ts';
import { type Logger, silentLogger } from '../../core/logger.ts';
import { killContainer } from '../shared/kill.ts';
import { listContainers } from '../shared/list.ts';
import { removeContainer } from '../shared/remove.ts';
import { createDockerEngine } from './connect.ts';
import { createContainer } from './create-container.ts';
import { inspectImage } from './ensure-image.ts';
import { fromListRow } from './from-inspect.ts';
import { readFacts } from './info.ts';
import { inspectContainer } from './inspect.ts';
import { startContainer } from './start-container.ts';

export interface DockerRuntimeOptions {
  /** The engine's unix socket, or how to find it; a finder is asked again after each connection that failed. */
  readonly socketPath: string | (() => Promise<string>);
  readonly logger?: Logger;
  /** How long one call to the engine may take, in ms; runs and their output aren't bounded by it. */
  readonly deadlineMs?: number;
}

const DEFAULT_DEADLINE_MS = 10_000;

/** Docker Engine over its unix socket. Building it connects to nothing. */
export function createDockerRuntime(options: DockerRuntimeOptions): ContainerRuntime {
  const { socketPath, logger = silentLogger, deadlineMs = DEFAULT_DEADLINE_MS } = options;
  const findSocket = typeof socketPath === 'string' ? async () => socketPath : socketPath;
  const engine = createDockerEngine({ findSocket, deadlineMs });
  const imageVolumes = new Map<string, readonly string[]>();
  const neverStarted = new Set<ContainerId>();

  const volumesOf = async (ref: string): Promise<readonly string[]> => {
    const known = imageVolumes.get(ref);
    if (known !== undefined) return known;
    const { volumes } = await inspectImage(engine, ref);
    imageVolumes.set(ref, volumes);
    return volumes;
  };

  /** The engine would start an ended container a second time; its record is only asked about containers of others. */
  const claimStart = async (id: ContainerId): Promise<void> => {
    if (neverStarted.delete(id)) return;
    const record = await inspectContainer(engine, id);
    if (record === undefined) throw new RuntimeError('not_found', `No such container: ${id}`);
    if (record.state.status !== 'created') throw new RuntimeError('conflict', `${id} was started before`);
  };

  return {
    name: 'docker',
    info: async () => (await readFacts(engine)).info,
    async ensureImage(ref) {
      await engine.facts();
      const { id, volumes } = await inspectImage(engine, ref);
      imageVolumes.set(ref, volumes);
      return { id };
    },
    async create(spec) {
      const { cgroupNamespaces } = await engine.facts();
      const context = { cgroupNamespaces, imageVolumes: await volumesOf(spec.image) };
      try {
        const id = await createContainer(engine, spec, context, logger);
        neverStarted.add(id);
        return id;
      } catch (error) {
        if (error instanceof RuntimeError && error.code === 'image_not_found')
          imageVolumes.delete(spec.image);
        throw error;
      }
    },
    async start(id, io) {
      await engine.facts();
      await claimStart(id);
      return await startContainer(engine, id, io, logger);
    },
    async kill(id, signal) {
      await engine.facts();
      await killContainer(engine, id, signal);
    },
    async remove(id) {
      await engine.facts();
      await removeContainer(engine, id);
      neverStarted.delete(id);
    },
    async inspect(id) {
      await engine.facts();
      return (await inspectContainer(engine, id))?.state;
    },
    async list({ labels }) {
      await engine.facts();
      return await listContainers(engine, labels, fromListRow);
    },
    async close() {
      engine.close();
    },
  };
}
