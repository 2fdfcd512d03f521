import {
  type ContainerExit,
  type ContainerIo,
  type ContainerSpec,
  RuntimeError,
} from '../../core/container-runtime.ts';
import { MAX_HELD_BYTES } from '../shared/deliver-output.ts';
import { createSinkQueue, type SinkQueue } from '../shared/sink-queue.ts';
import { type FakeEnd, type FakeProcess, type FakeProgram, Killed } from './program.ts';

export interface RunningProgram {
  readonly exited: Promise<ContainerExit>;
  signal(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** The engine is gone: how the program ends can't be found out any more. */
  lose(): void;
}

/** Runs a program in this process. `onEnd` hears of the end before the sinks have taken the last byte. */
export function runProgram(
  program: FakeProgram,
  spec: ContainerSpec,
  io: ContainerIo,
  onEnd: (end: FakeEnd) => void,
): RunningProgram {
  const queues = { stdout: createSinkQueue(io.stdout), stderr: createSinkQueue(io.stderr) };
  const startedAt = performance.now();
  const killed = withResolvers<FakeEnd>();
  const lost = withResolvers<never>();
  lost.promise.catch(() => {});
  let termHandler: (() => void) | undefined;
  let alive = true;

  const process = toProcess(spec, queues, {
    isAlive: () => alive,
    dead: killed.promise,
    setTermHandler: (handler) => {
      termHandler = handler;
    },
  });
  const own: Promise<FakeEnd> = program(process)
    .then((end): FakeEnd => (typeof end === 'number' ? { exitCode: end } : end))
    .catch(() => ({ exitCode: 1 }));

  const finish = async (): Promise<ContainerExit> => {
    const end = await Promise.race([own, killed.promise, lost.promise]);
    alive = false;
    onEnd(end);
    const durationMs = performance.now() - startedAt;
    await Promise.all([queues.stdout.flushed(), queues.stderr.flushed()]);
    const outputComplete = queues.stdout.failure === undefined && queues.stderr.failure === undefined;
    return { exitCode: end.exitCode, oomKilled: end.oomKilled ?? false, durationMs, outputComplete };
  };
  const exited = finish();
  exited.catch(() => {});

  return {
    exited,
    signal(signal) {
      if (signal === 'SIGKILL') killed.resolve({ exitCode: 137 });
      else if (termHandler === undefined) killed.resolve({ exitCode: 143 });
      else termHandler();
    },
    lose() {
      alive = false;
      lost.reject(new RuntimeError('unavailable', 'the fake engine went away during the run'));
    },
  };
}

function toProcess(
  spec: ContainerSpec,
  queues: { readonly stdout: SinkQueue; readonly stderr: SinkQueue },
  life: { isAlive(): boolean; dead: Promise<unknown>; setTermHandler(handler: () => void): void },
): FakeProcess {
  const untilDead = life.dead.then((): never => {
    throw new Killed();
  });
  untilDead.catch(() => {});
  return {
    spec,
    async write(stream, content) {
      if (!life.isAlive()) throw new Killed();
      const queue = queues[stream];
      // A copy: a sink may only keep a chunk for the time of its call, and must not see the program change it.
      queue.push(typeof content === 'string' ? Buffer.from(content, 'utf8') : Uint8Array.from(content));
      while (queue.held > MAX_HELD_BYTES) await Promise.race([queue.progress(), untilDead]);
    },
    async sleep(ms) {
      let timer: NodeJS.Timeout | undefined;
      const over = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, ms);
      });
      await Promise.race([over, untilDead]).finally(() => clearTimeout(timer));
    },
    hang: () => untilDead,
    onTerm: life.setTermHandler,
  };
}

/** `Promise.withResolvers`, which Node 20 doesn't have. */
function withResolvers<T>(): { promise: Promise<T>; resolve(value: T): void; reject(reason: unknown): void } {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
