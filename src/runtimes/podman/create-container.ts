import { setTimeout } from 'node:timers/promises';
import { type ContainerId, type ContainerSpec, RuntimeError } from '../../core/container-runtime.ts';
import type { Logger } from '../../core/logger.ts';
import { createNamed, dropsLimit } from '../shared/create-named.ts';
import type { Engine } from '../shared/engine.ts';
import { parseFields } from '../shared/fields.ts';
import { removeContainer } from '../shared/remove.ts';
import type { PodmanFacts } from './info.ts';
import { toSpecGenerator } from './to-spec-generator.ts';
import { readMaxUserProcesses } from './user-processes.ts';

const ID_ATTEMPTS = 5;
const ID_PAUSE_MS = 50;

export async function createContainer(
  engine: Engine,
  spec: ContainerSpec,
  { info }: PodmanFacts,
  logger: Logger,
): Promise<ContainerId> {
  const { rootless, capabilities, defaultOciRuntime } = info;
  if (spec.ociRuntime !== undefined && spec.ociRuntime !== defaultOciRuntime) {
    // Podman takes another name without a word and uses its own runtime all the same.
    const text = `create: Podman runs containers with ${defaultOciRuntime}; to have ${spec.ociRuntime}, set it as runtime in containers.conf`;
    throw new RuntimeError('runtime_unknown', text);
  }
  const mayDiscard = spec.mayDiscard ?? [];
  const lacking = Object.entries(capabilities)
    .filter(([name, can]) => !can && !mayDiscard.some((given) => given === name))
    .map(([name]) => name);
  if (lacking.length > 0)
    throw new RuntimeError('limit_discarded', `create: this engine can't limit ${lacking.join(', ')}`);

  const maxUserProcesses = readMaxUserProcesses();
  const made = await createNamed(engine, (name) =>
    withSubordinateIds(() =>
      engine.request({
        what: 'create',
        method: 'POST',
        path: '/containers/create',
        body: toSpecGenerator(spec, { name, rootless, capabilities, maxUserProcesses }),
      }),
    ),
  );
  const answer = parseFields(made, 'create');
  const id = answer.text('Id');
  if (id === undefined) throw new RuntimeError('engine_failed', 'create: the engine named no container');
  const warnings = answer.texts('Warnings');
  if (warnings.some((warning) => dropsLimit(warning, mayDiscard))) {
    await removeContainer(engine, id);
    throw new RuntimeError('limit_discarded', `create: ${warnings.join(' ')}`);
  }
  if (warnings.length > 0) logger.warn({ warnings }, 'the engine warned about a container');
  return id;
}

/**
 * A rootless Podman that somebody else asks for a container at the same time may find no subordinate ids, though `/etc/subuid`
 * has them. It refuses before it makes anything.
 */
async function withSubordinateIds<T>(create: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await create();
    } catch (error) {
      const lacksIds = error instanceof RuntimeError && /keep-id requires additional/.test(error.message);
      if (!lacksIds || attempt === ID_ATTEMPTS) throw error;
      // Not all of them at the same moment again.
      await setTimeout(ID_PAUSE_MS * attempt * Math.random());
    }
  }
}
