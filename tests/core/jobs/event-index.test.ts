import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeRecords,
  encodeRecords,
  type IndexRecord,
  RECORD_BYTES,
} from '../../../src/core/jobs/event-index.ts';

const stream = fc.constantFrom('stdout' as const, 'stderr' as const);
const record: fc.Arbitrary<IndexRecord> = fc.oneof(
  fc.record({ kind: fc.constant('queued' as const), position: fc.nat() }),
  fc.record({ kind: fc.constant('started' as const), at: fc.maxSafeNat() }),
  fc.record({
    kind: fc.constant('output' as const),
    stream,
    start: fc.maxSafeNat(),
    length: fc.nat({ max: 2 ** 31 }),
  }),
  fc.record({
    kind: fc.constant('truncated' as const),
    stream,
    omittedBytes: fc.option(fc.maxSafeNat(), { nil: undefined }),
  }),
);

describe('the event index', () => {
  it('reads what was written, a record every 16 bytes', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 50 }), (records) => {
        const bytes = encodeRecords(records);
        expect(bytes).toHaveLength(records.length * RECORD_BYTES);
        expect(decodeRecords(bytes)).toEqual(records);
      }),
    );
  });

  it('leaves out a last record that was cut off, wherever it was cut', () => {
    const records: IndexRecord[] = [
      { kind: 'queued', position: 3 },
      { kind: 'output', stream: 'stderr', start: 7, length: 9 },
    ];
    const bytes = encodeRecords(records);
    for (let length = RECORD_BYTES; length < bytes.length; length += 1) {
      expect(decodeRecords(bytes.subarray(0, length))).toEqual(records.slice(0, 1));
    }
  });

  it('takes no other file for one', () => {
    expect(() => decodeRecords(new TextEncoder().encode('{"no": "index of events"}'))).toThrow(/kind/);
  });
});
