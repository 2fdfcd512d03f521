import { inputName, nameOutputs } from './artifact-names.ts';
import type { ArtifactStore } from './artifact-store.ts';
import type { ArtifactRow } from './jobs/job.ts';
import { ARTIFACT_BOUNDS } from './limits.ts';
import { mediaTypeOf } from './media-type.ts';
import type { CollectedOutput } from './output-collector.ts';
import {
  type CollectBounds,
  type CollectedFile,
  jobKey,
  type SkippedFile,
  type Workspace,
} from './workspace.ts';

export interface CollectArtifactsOptions {
  readonly workspace: Workspace;
  readonly store: ArtifactStore;
  readonly inputs: readonly CollectedFile[];
  readonly streams: Readonly<Record<'stdout' | 'stderr', CollectedOutput>>;
}

export interface CollectedArtifacts {
  /** Inputs, then stdout and stderr, then what the program left. */
  readonly files: readonly ArtifactRow[];
  readonly skipped: readonly SkippedFile[];
  readonly truncated: boolean;
}

/** Lists, hashes and stores what a run left, whatever way it ended. The program must be dead. */
export async function collectArtifacts(options: CollectArtifactsOptions): Promise<CollectedArtifacts> {
  const { workspace, inputs } = options;
  const [stdout, stderr, collection] = await Promise.all([
    workspace.describe('stdout'),
    workspace.describe('stderr'),
    workspace.collect(boundsWith(inputs)),
  ]);
  const files = [
    ...inputs.map((file) => toRow('input', inputName(file), file)),
    toRow('output', 'stdout', stdout, options.streams.stdout),
    toRow('output', 'stderr', stderr, options.streams.stderr),
    ...nameOutputs(collection.files, inputs).map(({ name, file }) => toRow('output', name, file)),
  ];
  await upload(options, files);
  return { files, skipped: collection.skipped, truncated: collection.truncated };
}

/** The copies of the inputs that lie in the workspace don't count against what the program may leave. */
function boundsWith(inputs: readonly CollectedFile[]): CollectBounds {
  const inputBytes = inputs.reduce((sum, { size }) => sum + size, 0);
  return {
    maxBytes: ARTIFACT_BOUNDS.maxBytes + inputBytes,
    maxFiles: ARTIFACT_BOUNDS.maxFiles + inputs.length,
  };
}

function toRow(
  kind: ArtifactRow['kind'],
  name: string,
  file: CollectedFile,
  stream: CollectedOutput = { truncated: false, omittedBytes: 0 },
): ArtifactRow {
  const { path, size, sha256 } = file;
  const { truncated, omittedBytes } = stream;
  const omitted = truncated && omittedBytes !== undefined ? { omittedBytes } : {};
  return { name, kind, path, size, mediaType: mediaTypeOf(name), sha256, truncated, ...omitted };
}

/** Objects first, the manifest after them: whoever reads the manifest finds everything that it names. */
async function upload(
  { workspace, store }: CollectArtifactsOptions,
  files: readonly ArtifactRow[],
): Promise<void> {
  if (store.capabilities.holdsJobFolders) return;
  for (const file of files) {
    const body = await workspace.read(file.path);
    await store.putObject(jobKey(workspace.job, file.path), body, { contentType: file.mediaType });
  }
  await store.putObject(jobKey(workspace.job, 'events'), await workspace.read('events'));
}
