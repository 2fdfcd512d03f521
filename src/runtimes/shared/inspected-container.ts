import { type ContainerId, type ContainerState, RuntimeError } from '../../core/container-runtime.ts';
import { containerPath } from './container-path.ts';
import type { Engine } from './engine.ts';

/** The engine's record, with what a driver needs beyond the contract. */
export interface InspectedContainer {
  readonly state: ContainerState;
  /** Milliseconds since the epoch by the engine's clock; `undefined` when the program didn't start or end. */
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  /** The engine's own words on a start that failed. */
  readonly error: string;
}

/** Asks for the record of one container; `undefined` when it's unknown. */
export async function inspectContainer<T extends InspectedContainer>(
  engine: Engine,
  id: ContainerId,
  fromInspect: (answer: unknown) => T,
): Promise<T | undefined> {
  try {
    return fromInspect(
      await engine.request({ what: `inspect ${id}`, method: 'GET', path: containerPath(id, '/json') }),
    );
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'not_found') return undefined;
    throw error;
  }
}

/** Reads RFC 3339 with nanoseconds. The engines write the year 1 for "never". */
export function parseTime(text: string | undefined): number | undefined {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(text ?? '');
  if (parts === null || parts[1] === undefined || parts[1].startsWith('0001-')) return undefined;
  return Date.parse(`${parts[1]}${parts[3] ?? 'Z'}`) + Number(parts[2] ?? 0) * 1000;
}
