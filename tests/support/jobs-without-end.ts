import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Job folders of a storage root whose job has no recorded end: what a job that never ran must not leave. */
export function jobsWithoutEnd(root: string): readonly string[] {
  const sessions = readdirSync(root).filter((name) => !name.startsWith('.'));
  const folders = sessions.flatMap((session) =>
    readdirSync(join(root, session)).map((job) => join(session, job)),
  );
  return folders.filter((folder) => !readdirSync(join(root, folder)).includes('manifest.json'));
}
