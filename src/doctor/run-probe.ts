import { within } from '../core/abort.ts';
import {
  type ContainerExit,
  type ContainerRuntime,
  type ContainerSpec,
  RuntimeError,
} from '../core/container-runtime.ts';
import type { Sandboxes } from '../core/sandboxes.ts';

const DEADLINE_MS = 20_000;
const MAX_REPORT_BYTES = 4096;

/** How a probe's program ended, and the beginning of what it printed. */
export interface ProbeReport {
  readonly exit: ContainerExit;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs one container to its end and removes it. `toSpec` is given the labels that it must bear. Rejects with the engine's
 * error, or with `unavailable` when no end comes within 20 seconds.
 */
export async function runProbe(
  { runtime, sandboxes }: { readonly runtime: ContainerRuntime; readonly sandboxes: Sandboxes },
  toSpec: (labels: Readonly<Record<string, string>>) => ContainerSpec,
): Promise<ProbeReport> {
  const sandbox = sandboxes.open(DEADLINE_MS);
  const stdout = createReport();
  const stderr = createReport();
  let id: string | undefined;
  try {
    id = await runtime.create(toSpec(sandbox.labels));
    const { exited } = await runtime.start(id, { stdout, stderr });
    const exit = await within(exited, DEADLINE_MS, () => {
      throw new RuntimeError('unavailable', `a probe did not end within ${DEADLINE_MS} ms`);
    });
    return { exit, stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    if (id !== undefined) await runtime.remove(id);
    sandbox.close();
  }
}

function createReport(): { write(chunk: Uint8Array): void; text(): string } {
  const decoder = new TextDecoder();
  let text = '';
  return {
    write(chunk) {
      if (text.length < MAX_REPORT_BYTES) text += decoder.decode(chunk, { stream: true });
    },
    text: () => text,
  };
}
