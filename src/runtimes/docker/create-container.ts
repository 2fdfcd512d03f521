import { type ContainerId, type ContainerSpec, RuntimeError } from '../../core/container-runtime.ts';
import type { Logger } from '../../core/logger.ts';
import { createNamed, dropsLimit } from '../shared/create-named.ts';
import type { Engine } from '../shared/engine.ts';
import { parseFields } from '../shared/fields.ts';
import { removeContainer } from '../shared/remove.ts';
import { type CreateContext, toCreateBody } from './to-create-body.ts';

export async function createContainer(
  engine: Engine,
  spec: ContainerSpec,
  context: CreateContext,
  logger: Logger,
): Promise<ContainerId> {
  const body = toCreateBody(spec, context);
  const path = '/containers/create';
  const made = await createNamed(engine, (name) =>
    engine.request({ what: 'create', method: 'POST', path, query: { name }, body }),
  );
  const answer = parseFields(made, 'create');
  const id = answer.text('Id');
  if (id === undefined) throw new RuntimeError('engine_failed', 'create: the engine named no container');
  const warnings = answer.texts('Warnings');
  if (warnings.some((warning) => dropsLimit(warning, spec.mayDiscard ?? []))) {
    await removeContainer(engine, id);
    throw new RuntimeError('limit_discarded', `create: ${warnings.join(' ')}`);
  }
  if (warnings.length > 0) logger.warn({ warnings }, 'the engine warned about a container');
  return id;
}
