import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until something holds; throws when it takes longer. */
export async function waitFor(holds: () => Promise<boolean>, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`it does not hold after ${withinMs} ms`);
    await sleep(50);
  }
}
