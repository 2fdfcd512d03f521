import { type ContainerRuntime, RuntimeError } from '../core/container-runtime.ts';

/**
 * The runtime of whichever engine is found first. The choice is made at the first call that finds one and then stays: another
 * engine wouldn't know the containers. Until then its name is the preferred engine's.
 */
export function createAutoRuntime(choose: () => Promise<ContainerRuntime>): ContainerRuntime {
  let choosing: Promise<ContainerRuntime> | undefined;
  let chosen: ContainerRuntime | undefined;
  let closed = false;

  const get = (): Promise<ContainerRuntime> => {
    if (closed) return Promise.reject(new RuntimeError('unavailable', 'the runtime was closed'));
    if (choosing === undefined) {
      const attempt = choose().then((runtime) => {
        chosen = runtime;
        return runtime;
      });
      choosing = attempt;
      // A failure isn't kept: the next call looks again.
      attempt.catch(() => {
        choosing = undefined;
      });
    }
    return choosing;
  };

  return {
    get name() {
      return chosen?.name ?? 'docker';
    },
    info: async () => (await get()).info(),
    ensureImage: async (ref) => (await get()).ensureImage(ref),
    create: async (spec) => (await get()).create(spec),
    start: async (id, io) => (await get()).start(id, io),
    kill: async (id, signal) => (await get()).kill(id, signal),
    remove: async (id) => (await get()).remove(id),
    inspect: async (id) => (await get()).inspect(id),
    list: async (filter) => (await get()).list(filter),
    async close() {
      closed = true;
      const runtime = await choosing?.catch(() => undefined);
      await runtime?.close();
    },
  };
}
