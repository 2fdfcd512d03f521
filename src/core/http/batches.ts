/** So many signatures keep the threads that make them busy, and no more text is made at once than a reader takes. */
const BATCH = 64;

/** Yields what becomes of the items, in order; work on a batch begins when it's asked for. */
export async function* inBatches<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): AsyncGenerator<readonly R[], void> {
  for (let at = 0; at < items.length; at += BATCH)
    yield await Promise.all(items.slice(at, at + BATCH).map(work));
}
