import { randomBytes } from 'node:crypto';
import { type LimitName, RuntimeError } from '../../core/container-runtime.ts';
import type { Engine } from './engine.ts';
import { removeContainer } from './remove.ts';

/**
 * Posts a create under a random name, and under another one when that name is taken. When nobody knows whether the engine
 * made the container, it's taken away by its name, without the caller waiting for that.
 */
export async function createNamed(
  engine: Engine,
  create: (name: string) => Promise<unknown>,
): Promise<unknown> {
  const post = async (name: string): Promise<unknown> => {
    try {
      return await create(name);
    } catch (error) {
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

/** Engines word each dropped limit differently; all name what is lost. Others (such as "IPv4 forwarding is disabled") don't. */
export function dropsLimit(warning: string, mayDiscard: readonly LimitName[]): boolean {
  if (mayDiscard.some((name) => WORDS_OF_LIMIT[name].test(warning))) return false;
  return /discard|memory|swap|pids|cpu|cgroup|limit|seccomp|apparmor|capabilit|read-?only|privileges|tmpfs/i.test(
    warning,
  );
}
