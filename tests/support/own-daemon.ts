import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { answersPing } from '../../src/runtimes/shared/answers-ping.ts';
import type { TestEngine } from './engine.ts';

export interface OwnDaemonOptions {
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Where it answers. */
  readonly socketPath: string;
  /** The file that its words go to. */
  readonly log: string;
}

/** An engine's process, which one test may end and start again. */
export interface OwnDaemon {
  /** Resolves once it answers. */
  start(): Promise<void>;
  /** Resolves once it has ended; does nothing when it has ended already. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  isStarted(): boolean;
}

/** An engine of one test's own. */
export interface OwnEngine {
  readonly engine: TestEngine;
  /** SIGTERM, as an init system does it; resolves once it has ended. */
  stop(): Promise<void>;
  /** SIGKILL to the engine alone, as a crash would; resolves once it's gone. Its containers run on. */
  kill(): Promise<void>;
  /** Starts it again after either; resolves once it answers. */
  start(): Promise<void>;
  /** Ends it and all that it started, and removes its folder. */
  close(): Promise<void>;
}

const START_MS = 60_000;

export function createOwnDaemon({ command, env, socketPath, log }: OwnDaemonOptions): OwnDaemon {
  let daemon: ChildProcess | undefined;
  return {
    isStarted: () => daemon !== undefined,
    async start() {
      const output = openSync(log, 'a');
      const [program = '', ...args] = command;
      daemon = spawn(program, args, {
        // Podman's conmon leaves a file called `oom` where its engine was started.
        cwd: dirname(log),
        stdio: ['ignore', output, output],
        ...(env === undefined ? {} : { env }),
      });
      closeSync(output);
      await waitUntilUp(socketPath, daemon, log);
    },
    async end(signal) {
      const ending = daemon;
      daemon = undefined;
      if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
      const gone = new Promise<void>((resolve) => ending.once('exit', () => resolve()));
      ending.kill(signal);
      await gone;
    },
  };
}

async function waitUntilUp(socketPath: string, daemon: ChildProcess, log: string): Promise<void> {
  const until = performance.now() + START_MS;
  while (performance.now() < until) {
    if (daemon.exitCode !== null || daemon.signalCode !== null) break;
    if (await answersPing(socketPath)) return;
    await sleep(50);
  }
  daemon.kill('SIGKILL');
  const tail = readFileSync(log, 'utf8').split('\n').slice(-15).join('\n');
  throw new Error(`the test's own engine does not answer:\n${tail}`);
}
