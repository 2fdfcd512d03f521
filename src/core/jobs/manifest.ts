import type { ArtifactStore } from '../artifact-store.ts';
import type { Logger } from '../logger.ts';
import { type JobRef, jobKey, type Workspace } from '../workspace.ts';
import type { Manifest } from './job.ts';

const NAME = 'manifest.json';

/** Keeps how a job ended, after everything that its manifest names: once this resolves the job is over for everybody. */
export async function keepEnd(
  store: ArtifactStore,
  workspace: Workspace,
  manifest: Manifest,
  logger: Logger,
): Promise<void> {
  const body = new TextEncoder().encode(JSON.stringify(manifest));
  await store.putObject(jobKey(workspace.job, NAME), body, { contentType: 'application/json' });
  // Only spares others the manifest, which decides.
  await workspace
    .writeControl('job.json', manifest.job)
    .catch((err) => logger.warn({ err }, 'the record of a stopped job could not be written'));
}

/** The manifest of a finished job; `undefined` for a job that is unknown, unfinished or whose manifest can't be read. */
export async function readManifest(store: ArtifactStore, job: JobRef): Promise<Manifest | undefined> {
  const object = await store.getObject(jobKey(job, NAME));
  if (object === undefined) return undefined;
  const value = parse(await new Response(object.body).text());
  return isManifest(value) ? value : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Only we write manifests, so the version and the list are enough to tell one from a torn or foreign file. */
function isManifest(value: unknown): value is Manifest {
  return (
    typeof value === 'object' &&
    value !== null &&
    'version' in value &&
    value.version === 1 &&
    'files' in value &&
    Array.isArray(value.files)
  );
}
