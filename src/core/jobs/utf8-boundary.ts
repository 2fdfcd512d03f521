const LONGEST = 4;

/** Bytes at the end that begin a character and don't finish it: 0 to 3. */
export function incompleteSuffix(bytes: Uint8Array): number {
  for (let length = 1; length < LONGEST && length <= bytes.length; length += 1) {
    const byte = bytes[bytes.length - length] ?? 0;
    if (isContinuation(byte)) continue;
    return characterLength(byte) > length ? length : 0;
  }
  return 0;
}

/** Bytes at the beginning that finish a character which began before: 0 to 3. */
export function incompletePrefix(bytes: Uint8Array): number {
  let length = 0;
  while (length < LONGEST - 1 && isContinuation(bytes[length] ?? 0)) length += 1;
  return length;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** By its first byte; 1 for a byte that begins none. */
function characterLength(first: number): number {
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xf0 && first <= 0xf4 ? 4 : 1;
}
