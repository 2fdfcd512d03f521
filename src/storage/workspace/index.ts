import { chmod, chown, lstat, mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type JobRef, jobKey, WorkspaceError, type Workspaces } from '../../core/workspace.ts';
import { errorCode } from '../disk/folder.ts';
import { makeFolder } from '../disk/make-folder.ts';
import { openJobFolder } from './job-folder.ts';
import { isJobRef, listJobs, listJobsOf, listSessions } from './list-jobs.ts';
import { removeJobFolder } from './remove-job-folder.ts';
import { isRootlessGuest } from './rootless-guest.ts';
import { translated } from './workspace-error.ts';
import type { Owner } from './write-inputs.ts';

export interface WorkspacesOptions {
  /** Absolute path; made when it's missing. */
  readonly root: string;
  /** Who programs run as when we are root and can give files away. */
  readonly runner: Owner;
  /** Who we are, when it isn't what the process says. */
  readonly ownUser?: Owner;
  /** Root here is an ordinary user outside, whose files the engine shows to the program as its own. */
  readonly rootlessGuest?: boolean;
}

/** A session's folder may be removed, being empty, between its making and the making of a job's in it. */
const ATTEMPTS = 20;
const PRIVATE = 0o700;

/**
 * Job folders on the local disk. As root, what a program may write is given to `runner`; an ordinary user can't give files
 * away, so programs run as that user.
 */
export function createWorkspaces({
  root,
  runner,
  ownUser = processUser(),
  rootlessGuest = isRootlessGuest(),
}: WorkspacesOptions): Workspaces {
  const user = runUser({ runner, ownUser });
  const handsOver = user !== ownUser && !rootlessGuest;
  const openJob = (job: JobRef) => openJobFolder({ root, job, user, handsOver });
  return {
    async create(job) {
      if (!isJobRef(job)) throw new WorkspaceError('unavailable', `not a job: ${JSON.stringify(job)}`);
      await translated(makeJobFolder(root, job));
      try {
        await makeMount(join(root, jobKey(job, 'workspace')), handsOver ? user : undefined);
        return openJob(job);
      } catch (error) {
        await removeJobFolder(root, job).catch(() => {});
        return translated(Promise.reject(error));
      }
    },
    async open(job) {
      if (!isJobRef(job)) return undefined;
      const stats = await lstat(join(root, jobKey(job, ''), '.')).catch(() => undefined);
      return stats?.isDirectory() ? openJob(job) : undefined;
    },
    list: () => listJobs(root),
    sessions: () => translated(listSessions(root)),
    jobs: (sessionId) => translated(listJobsOf(root, sessionId)),
    free: () => translated(measureFree(root)),
  };
}

/** Who the programs run as: see `createWorkspaces`. */
export function runUser({ runner, ownUser = processUser() }: Omit<WorkspacesOptions, 'root'>): Owner {
  return ownUser.uid === 0 ? runner : ownUser;
}

/** Elsewhere than on POSIX there are no ids to tell; what then runs is told apart by nothing. */
function processUser(): Owner {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

async function makeJobFolder(root: string, job: JobRef): Promise<void> {
  const folder = join(root, jobKey(job, '.'));
  for (let attempt = 1; ; attempt += 1) {
    await makeFolder(join(root, job.sessionId), PRIVATE);
    try {
      return await mkdir(folder, PRIVATE);
    } catch (error) {
      if (errorCode(error) === 'EEXIST') {
        throw new WorkspaceError('exists', `There is a folder for ${job.jobId}.`, { cause: error });
      }
      if (errorCode(error) !== 'ENOENT' || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Readable to others, as a program expects of its own folder: the job's folder above it isn't. */
async function makeMount(path: string, owner: Owner | undefined): Promise<void> {
  await mkdir(path);
  await chmod(path, 0o755);
  if (owner !== undefined) await chown(path, owner.uid, owner.gid);
}

async function measureFree(root: string): Promise<{ bytes: number; inodes: number }> {
  await makeFolder(root, PRIVATE);
  const { bavail, bsize, files, ffree } = await statfs(root);
  // Btrfs and others make inodes as they are needed and count none.
  return { bytes: bavail * bsize, inodes: files === 0 ? Number.MAX_SAFE_INTEGER : ffree };
}
