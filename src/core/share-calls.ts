/**
 * Lets calls for the same key that come while one is on its way share its result, which is then as it was when the first of
 * them asked.
 */
export function shareCalls<T>(call: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const onTheWay = new Map<string, Promise<T>>();
  return (key) => {
    const known = onTheWay.get(key);
    if (known !== undefined) return known;
    const result = call(key).finally(() => onTheWay.delete(key));
    onTheWay.set(key, result);
    return result;
  };
}

/** One call at a time: whoever asks while one is under way gets what the next one finds, which begins after they asked. */
export function shareNextCall<T>(look: () => Promise<T>): () => Promise<T> {
  let current: Promise<T> | undefined;
  let next: Promise<T> | undefined;
  const begin = (): Promise<T> => {
    next = undefined;
    const now = look();
    current = now;
    const end = (): void => {
      if (current === now) current = undefined;
    };
    now.then(end, end);
    return now;
  };
  return () => {
    if (current === undefined) return begin();
    next ??= current.then(begin, begin);
    return next;
  };
}
