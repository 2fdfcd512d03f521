import { join } from 'node:path';
import {
  type CollectedFile,
  type JobRef,
  jobKey,
  type Workspace,
  WorkspaceError,
} from '../../core/workspace.ts';
import { type ByteName, toByteName } from '../disk/byte-name.ts';
import { type Folder, type OpenFile, openBeneath, type Refusal, withFolder } from '../disk/folder.ts';
import { readJson, writeJson } from '../disk/json-file.ts';
import { hashFile, streamFile } from '../disk/read-file.ts';
import { isKey } from '../object-key.ts';
import { collectFiles } from './collect.ts';
import { openOutputFile, readOutputPart } from './output-file.ts';
import { removeJobFolder } from './remove-job-folder.ts';
import { measureUsage } from './usage.ts';
import { translated } from './workspace-error.ts';
import { type Owner, writeInputs, writeNew } from './write-inputs.ts';

export interface JobFolderOptions {
  readonly root: string;
  readonly job: JobRef;
  readonly user: Owner;
  /** Whether what the program may write has to be given to it. */
  readonly handsOver: boolean;
}

/** What a run may not write must be readable to it, and nothing else is to anybody. */
const STDIN_MODE = 0o444;

/** The folder of one job that is there already. */
export function openJobFolder({ root, job, user, handsOver }: JobFolderOptions): Workspace {
  const folder = join(root, jobKey(job, ''));
  const mountSource = join(folder, 'workspace');
  const inMount = <T>(use: (mount: Folder) => Promise<T>, signal?: AbortSignal): Promise<T> =>
    translated(withFolder(folder, ['workspace'], use).then(present), signal);
  return {
    job,
    user,
    mountSource,
    writeInputs: (files, signal) =>
      translated(writeInputs(folder, files, handsOver ? user : undefined, signal)),
    async writeStdin(content) {
      const path = join(folder, 'stdin');
      await translated(writeNew(path, content, STDIN_MODE));
      return path;
    },
    openOutput: (name) => openOutputFile(join(folder, name)),
    readPart: (name, position, length) => readOutputPart(join(folder, name), position, length),
    describe: (path) => translated(describe(folder, path)),
    collect: (bounds) => inMount((mount) => collectFiles(mount, bounds), bounds.signal),
    async read(path) {
      const file = await translated(openListed(folder, path));
      return streamFile(file, 0, file.stats.size);
    },
    usage: (signal) => inMount((mount) => measureUsage(mount, signal), signal),
    writeControl: (name, value) => translated(writeJson(root, join(folder, name), value)),
    readControl: (name) => translated(readJson(join(folder, name))),
    remove: () => translated(removeJobFolder(root, job)),
  };
}

async function describe(folder: string, path: string): Promise<CollectedFile> {
  const file = await openListed(folder, path);
  const sha256 = await hashFile(file).finally(() => file.handle.close());
  if (sha256 === 'changed') throw new WorkspaceError('unavailable', `${path} changed while it was read.`);
  return { path, size: file.stats.size, sha256 };
}

async function openListed(folder: string, path: string): Promise<OpenFile> {
  if (!isKey(path)) throw new TypeError(`not a path in a job's folder: ${JSON.stringify(path)}`);
  return present(await openBeneath(folder, toParts(path)));
}

function toParts(path: string): readonly ByteName[] {
  return path.split('/').map(toByteName);
}

function present<T>(found: T | Refusal): T {
  if (typeof found === 'string') throw new WorkspaceError('unavailable', `What was to be read is ${found}.`);
  return found as T;
}
