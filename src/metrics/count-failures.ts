import { type ArtifactStore, StoreError } from '../core/artifact-store.ts';
import { type ContainerRuntime, RuntimeError } from '../core/container-runtime.ts';
import type { Metrics } from '../core/metrics.ts';
import { WorkspaceError, type Workspaces } from '../core/workspace.ts';

/** What may fail, and is counted when it does. */
export interface Counted {
  readonly runtime: ContainerRuntime;
  readonly store: ArtifactStore;
  readonly workspaces: Workspaces;
}

/** The same parts, each failure of which is counted by its code on the way. */
export function withCounts({ runtime, store, workspaces }: Counted, metrics: Metrics): Counted {
  const engine = (error: unknown): void => {
    metrics.engineFailed(error instanceof RuntimeError ? error.code : 'unknown');
  };
  const storage = (error: unknown): void => {
    const known = error instanceof StoreError || error instanceof WorkspaceError;
    metrics.storeFailed(known ? error.code : 'unknown');
  };
  const counted = tellFailures(workspaces, storage);
  return {
    runtime: tellFailures(runtime, engine),
    store: tellFailures(store, storage),
    workspaces: {
      create: async (job) => tellFailures(await counted.create(job), storage),
      async open(job) {
        const workspace = await counted.open(job);
        return workspace === undefined ? undefined : tellFailures(workspace, storage);
      },
      list: () => workspaces.list(),
      sessions: () => counted.sessions(),
      jobs: (sessionId) => counted.jobs(sessionId),
      free: () => counted.free(),
    },
  };
}

/** Tells each rejection of a method, and lets it pass as it is. */
function tellFailures<T extends object>(subject: T, tell: (error: unknown) => void): T {
  return new Proxy(subject, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        const result: unknown = member.apply(target, args);
        if (result instanceof Promise) result.catch(tell);
        return result;
      };
    },
  });
}
