import { RuntimeError } from '../../core/container-runtime.ts';

/**
 * Gives a call to an engine its deadline.
 *
 * Rejects with `unavailable` once `ms` have passed, whether the call listens to its signal or not; what the call answers
 * later is ignored. The signal is never aborted after the call has settled, so what it opened may live on.
 */
export async function withDeadline<T>(
  what: string,
  ms: number,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new RuntimeError('unavailable', `${what}: the engine did not answer within ${ms} ms`);
      reject(error);
      controller.abort(error);
    }, ms);
  });
  const answer = call(controller.signal);
  answer.catch(() => {});
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
