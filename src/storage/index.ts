import type { ArtifactStore } from '../core/artifact-store.ts';
import type { Workspaces } from '../core/workspace.ts';
import { createDiskStore } from './disk/index.ts';
import { createClaims, createFacts, type Facts } from './facts.ts';
import { keepOwnKey, type OwnKey } from './own-key.ts';
import { createWorkspaces, runUser } from './workspace/index.ts';
import { acquireInstance } from './workspace/instance-lock.ts';

/** The image's `runner`. */
const RUNNER = { uid: 10001, gid: 10001 } as const;

export interface Storage {
  readonly store: ArtifactStore;
  readonly workspaces: Workspaces;
  /** What was learnt or made once. */
  readonly facts: Facts;
  /** Which job each idempotency key stands for. */
  readonly claims: Facts;
  readonly instanceId: string;
  /** The key of a service that makes its own: made at the first call and kept. */
  ownKey(): Promise<OwnKey>;
  /** Who the programs run as. */
  readonly user: { readonly uid: number; readonly gid: number };
  /** Lets another process have the folder; the store is closed by whoever uses it. */
  close(): Promise<void>;
}

/** Takes the storage folder for this process; rejects with a sentence for the operator when another one has it. */
export async function createStorage({ root }: { readonly root: string }): Promise<Storage> {
  const instance = await acquireInstance(root);
  return {
    store: createDiskStore({ root }),
    workspaces: createWorkspaces({ root, runner: RUNNER }),
    facts: createFacts(root),
    claims: createClaims(root),
    instanceId: instance.id,
    ownKey: () => keepOwnKey(root),
    user: runUser({ runner: RUNNER }),
    close: () => instance.release(),
  };
}

/** Job folders in a storage folder that another process may have: for who looks and runs no jobs. */
export function openWorkspaces({ root }: { readonly root: string }): Pick<Storage, 'workspaces' | 'user'> {
  return { workspaces: createWorkspaces({ root, runner: RUNNER }), user: runUser({ runner: RUNNER }) };
}
