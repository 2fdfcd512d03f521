import { type ByteRange, StoreError } from '../core/artifact-store.ts';

/** Where to read and how much; throws for a range that isn't within an object of that size. */
export function toSpan(size: number, range: ByteRange | undefined): { start: number; length: number } {
  if (range === undefined) return { start: 0, length: size };
  const { start, end } = range;
  if (start >= 0 && start <= end && end < size) return { start, length: end - start + 1 };
  throw new StoreError('unavailable', `Bytes ${start} to ${end} aren't within an object of ${size} bytes.`);
}
