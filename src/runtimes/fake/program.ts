import type { ContainerSpec } from '../../core/container-runtime.ts';

/** A program of the fake engine: what it writes and when, and how it ends. Throwing is an end with exit code 1. */
export type FakeProgram = (process: FakeProcess) => Promise<FakeEnd | number>;

export interface FakeEnd {
  readonly exitCode: number;
  readonly oomKilled?: boolean;
}

/** What a program sees. Every method rejects with {@link Killed} once the process was killed, so that a program just ends. */
export interface FakeProcess {
  readonly spec: ContainerSpec;
  /** Resolves when the sink has room for more. */
  write(stream: 'stdout' | 'stderr', content: string | Uint8Array): Promise<void>;
  sleep(ms: number): Promise<void>;
  /** Sleeps for ever. */
  hang(): Promise<never>;
  /** From now on SIGTERM does this instead of ending the process with 143. */
  onTerm(handler: () => void): void;
}

export class Killed extends Error {
  override readonly name = 'Killed';
}
