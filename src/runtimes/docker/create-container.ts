import { randomBytes } from 'node:crypto';
import {
  type ContainerId,
  type ContainerSpec,
  type LimitName,
  RuntimeError,
} from '../../core/container-runtime.ts';
import type { Logger } from '../../core/logger.ts';
import type { Engine } from './connect.ts';
import { parseFields } from './fields.ts';
import { removeContainer } from './remove.ts';
import { type CreateContext, toCreateBody } from './to-create-body.ts';

export async function createContainer(
  engine: Engine,
  spec: ContainerSpec,
  context: CreateContext,
  logger: Logger,
): Promise<ContainerId> {
  const answer = parseFields(await postCreate(engine, toCreateBody(spec, context)), 'create');
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

async function postCreate(engine: Engine, body: object): Promise<unknown> {
  const post = async (name: string): Promise<unknown> => {
    try {
      return await engine.request({
        what: 'create',
        method: 'POST',
        path: '/containers/create',
        query: { name },
        body,
      });
    } catch (error) {
      // Whether the engine made it isn't known; the name lets us take it away, without the caller waiting for that.
      if (error instanceof RuntimeError && error.code === 'unavailable')
        removeContainer(engine, name).catch(() => {});
      throw error;
    }
  };
  try {
    return await post(newName());
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'conflict') return await post(newName());
    throw error;
  }
}

const newName = (): string => `aa-${randomBytes(8).toString('hex')}`;

const WORDS_OF_LIMIT: Readonly<Record<LimitName, RegExp>> = {
  cpu: /cpu/i,
  memory: /memory|swap/i,
  pids: /pids/i,
};

/** The engine words each dropped limit differently; all name what is lost. Others (such as "IPv4 forwarding is disabled") don't. */
function dropsLimit(warning: string, mayDiscard: readonly LimitName[]): boolean {
  if (mayDiscard.some((name) => WORDS_OF_LIMIT[name].test(warning))) return false;
  return /discard|memory|swap|pids|cpu|cgroup|limit|seccomp|apparmor|capabilit|read-?only|privileges|tmpfs/i.test(
    warning,
  );
}
