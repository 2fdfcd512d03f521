import type { CollectedFile } from './workspace.ts';

/** Names of the captured streams: no input may have them. */
const STREAM_NAMES: ReadonlySet<string> = new Set(['stdout', 'stderr']);

const WORKSPACE_PREFIX = 'workspace/';
/** Where a program's file is listed when its own name can't be used. */
const TAKEN_PREFIX = '_workspace/';

/** A program's file and the name under which it's listed. */
export interface NamedOutput {
  readonly name: string;
  readonly file: CollectedFile;
}

/**
 * Names what the program left. Inputs that it didn't change are no outputs. A file whose name is taken by a stream or an
 * input is listed as `_workspace/<path>`; so is one whose name holds control characters, which no URL may carry: they
 * stand as U+FFFD there. The order of the files decides nothing but the order of the list.
 */
export function nameOutputs(
  collected: readonly CollectedFile[],
  inputs: readonly CollectedFile[],
): readonly NamedOutput[] {
  const originals = new Map(inputs.map((input) => [inputName(input), input]));
  const outputs = collected
    .map((file) => ({ name: file.path.slice(WORKSPACE_PREFIX.length), file }))
    .filter(({ name, file }) => originals.get(name)?.sha256 !== file.sha256);
  const keepsName = ({ name }: NamedOutput): boolean =>
    !STREAM_NAMES.has(name) && !originals.has(name) && printable(name) === name;
  const kept = outputs.filter(keepsName);
  const taken = new Set([...originals.keys(), ...kept.map(({ name }) => name)]);
  const moved = outputs
    .filter((output) => !keepsName(output))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, file }) => {
      let other = TAKEN_PREFIX + printable(name);
      while (taken.has(other)) other = TAKEN_PREFIX + other;
      taken.add(other);
      return { name: other, file };
    });
  return [...kept, ...moved];
}

export function inputName(input: CollectedFile): string {
  return input.path.slice('inputs/'.length);
}

function printable(name: string): string {
  return name.replace(/\p{Cc}/gu, '\uFFFD');
}
