import type { ArtifactStore } from '../artifact-store.ts';
import { type JobRef, jobKey } from '../workspace.ts';
import type { Manifest } from './job.ts';

const NAME = 'manifest.json';

/** Writes a finished job's manifest, after everything that it names. */
export async function writeManifest(store: ArtifactStore, job: JobRef, manifest: Manifest): Promise<void> {
  const body = new TextEncoder().encode(JSON.stringify(manifest));
  await store.putObject(jobKey(job, NAME), body, { contentType: 'application/json' });
}

/** The manifest of a finished job; `undefined` for a job that is unknown, unfinished or whose manifest can't be read. */
export async function readManifest(store: ArtifactStore, job: JobRef): Promise<Manifest | undefined> {
  const object = await store.getObject(jobKey(job, NAME));
  if (object === undefined) return undefined;
  const value: unknown = await new Response(object.body).json().catch(() => undefined);
  return isManifest(value) ? value : undefined;
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
