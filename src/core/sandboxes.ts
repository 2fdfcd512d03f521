import type { ContainerRuntime, ContainerSummary } from './container-runtime.ts';
import { newId } from './ids.ts';
import type { Logger } from './logger.ts';

/** Labels on every container of ours; a request can't set any. */
export const LABELS = {
  /** The supervisor that made it: the random id of its storage folder. */
  instance: 'aa.supervisor.instance',
  sandbox: 'aa.supervisor.sandbox',
  /** The latest moment at which it may still live, in milliseconds since the epoch. */
  expires: 'aa.supervisor.expires',
} as const;

/** Beyond a run's own time: creating, ending and removing it. */
const LIFETIME_MARGIN_MS = 60_000;

/** Knows which containers this supervisor has, and removes those that nobody has. */
export interface Sandboxes {
  /** Registers a container before it's created, so that the reaper never takes it for a leftover. */
  open(lifetimeMs: number): Sandbox;
  /**
   * Removes containers of this instance that it doesn't know, and containers of any instance whose time is over; no
   * others. Resolves with how many went, and how many couldn't be removed now.
   */
  reap(): Promise<{ readonly removed: number; readonly left: number }>;
}

export interface Sandbox {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The container is gone or given up: what is left of it is the reaper's. */
  close(): void;
}

export function createSandboxes(options: {
  readonly runtime: ContainerRuntime;
  readonly instanceId: string;
  readonly logger: Logger;
}): Sandboxes {
  const { runtime, instanceId, logger } = options;
  const live = new Set<string>();

  const isLeftover = ({ labels }: ContainerSummary, now: number): boolean => {
    const ours = labels[LABELS.instance] === instanceId;
    if (ours) return !live.has(labels[LABELS.sandbox] ?? '');
    const expires = labels[LABELS.expires] ?? '';
    return /^\d+$/.test(expires) && Number(expires) < now;
  };

  /** One that can't be removed now must not keep the others; the next look comes. */
  const removeLeftover = async ({ id, labels }: ContainerSummary): Promise<boolean> => {
    const fields = { container: id, instance: labels[LABELS.instance] };
    logger.info(fields, 'removing a container that nobody has');
    return runtime.remove(id).then(
      () => true,
      (err) => {
        logger.warn({ ...fields, err }, 'the container is left to the next look');
        return false;
      },
    );
  };

  return {
    open(lifetimeMs) {
      const id = newId();
      live.add(id);
      const expires = Date.now() + lifetimeMs + LIFETIME_MARGIN_MS;
      return {
        id,
        labels: { [LABELS.instance]: instanceId, [LABELS.sandbox]: id, [LABELS.expires]: String(expires) },
        close: () => live.delete(id),
      };
    },
    async reap() {
      const containers = await runtime.list({ labels: { [LABELS.instance]: '' } });
      const leftovers = containers.filter((container) => isLeftover(container, Date.now()));
      const gone = await Promise.all(leftovers.map((container) => removeLeftover(container)));
      const removed = gone.filter(Boolean).length;
      return { removed, left: leftovers.length - removed };
    },
  };
}
