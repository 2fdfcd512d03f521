import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { incompletePrefix, incompleteSuffix } from '../../../src/core/jobs/utf8-boundary.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

describe('where characters end', () => {
  it('text that is cut anywhere is whole without its incomplete end, and so is the rest without its incomplete begin', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.nat(), (text, at) => {
        const bytes = new TextEncoder().encode(text);
        const cut = at % (bytes.length + 1);
        const [left, right] = [bytes.subarray(0, cut), bytes.subarray(cut)];
        const suffix = incompleteSuffix(left);
        const prefix = incompletePrefix(right);
        const whole =
          decoder.decode(left.subarray(0, left.length - suffix)) +
          decoder.decode(bytes.subarray(cut - suffix, cut + prefix)) +
          decoder.decode(right.subarray(prefix));
        expect(whole).toBe(text);
        expect([suffix, prefix].every((length) => length >= 0 && length <= 3)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    [[], 0],
    [[0x41], 0],
    [[0xff], 0],
    [[0xc0], 0],
    [[0xc3], 1],
    [[0xe2, 0x82], 2],
    [[0xf0, 0x9f, 0x98], 3],
    [[0xf0, 0x9f, 0x98, 0x80], 0],
    [[0x80, 0x80, 0x80], 0],
    [[0x41, 0xe2], 1],
    [[0xf5, 0x80], 0],
  ])('%j ends with %i bytes of a character that is not whole', (bytes, length) => {
    expect(incompleteSuffix(Uint8Array.from(bytes))).toBe(length);
  });
});
