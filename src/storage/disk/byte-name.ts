/**
 * A file's name as the kernel has it: one character for each byte ("latin1"), so that names that aren't UTF-8 survive and
 * plain string comparison is byte order. Strings, because Bun's directory reading can't give buffers and types together.
 */
export type ByteName = string;

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lossy = new TextDecoder('utf-8', { ignoreBOM: true });

export function toByteName(text: string): ByteName {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** `undefined` when the bytes aren't UTF-8. */
export function fromByteName(name: ByteName): string | undefined {
  try {
    return strict.decode(Buffer.from(name, 'latin1'));
  } catch {
    return undefined;
  }
}

/** For reading by people: bytes that aren't UTF-8 stand as U+FFFD. */
export function showByteName(name: ByteName): string {
  return lossy.decode(Buffer.from(name, 'latin1'));
}
