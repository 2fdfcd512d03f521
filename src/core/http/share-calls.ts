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
