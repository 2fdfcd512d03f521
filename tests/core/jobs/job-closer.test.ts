import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newId, newJobId } from '../../../src/core/ids.ts';
import { encodeRecords, type IndexRecord } from '../../../src/core/jobs/event-index.ts';
import type { JobFile } from '../../../src/core/jobs/job.ts';
import { createJobCloser } from '../../../src/core/jobs/job-closer.ts';
import { readManifest } from '../../../src/core/jobs/manifest.ts';
import { createEventReader, type IndexedEvent } from '../../../src/core/jobs/read-events.ts';
import { DEFAULT_LIMITS } from '../../../src/core/limits.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { type JobRef, jobKey, type Workspace } from '../../../src/core/workspace.ts';
import { createStorage, type Storage } from '../../../src/storage/index.ts';
import { makeTemporaryFolder, removeFolder } from '../../support/temporary-folder.ts';
import { toArray } from '../../support/to-array.ts';

const LIMITS = { ...DEFAULT_LIMITS, outputBytes: 8 };

let root: string;
let storage: Storage;

beforeEach(async () => {
  root = makeTemporaryFolder('recover');
  storage = await createStorage({ root });
});
afterEach(async () => {
  await storage.close();
  removeFolder(root);
});

async function makeJob(): Promise<Workspace> {
  const workspace = await storage.workspaces.create({ sessionId: 's', jobId: newJobId('s', undefined) });
  for (const name of ['stdout', 'stderr'] as const) await (await workspace.openOutput(name)).close();
  return workspace;
}

/** A job whose program was running when the service was killed. */
async function interrupt(stdout = 'half', fields: Partial<JobFile> = {}): Promise<Workspace> {
  const workspace = await makeJob();
  const inputs = await workspace.writeInputs([{ path: 'script.sh', content: new Uint8Array([35]) }]);
  writeFileSync(join(workspace.mountSource, '..', 'stdout'), stdout);
  writeFileSync(join(workspace.mountSource, 'left.txt'), 'x');
  const job: JobFile = {
    version: 1,
    id: workspace.job.jobId,
    sessionId: 's',
    tool: 'code_execution',
    status: 'created',
    limits: LIMITS,
    createdAt: '2026-01-01T00:00:00.000Z',
    sandbox: newId(),
    inputs,
    ...fields,
  };
  await workspace.writeControl('job.json', job);
  return workspace;
}

function eventsOf(workspace: Workspace, count: number): Promise<IndexedEvent[]> {
  return toArray(createEventReader(workspace.job.jobId, workspace).read(0, count));
}

function recover(isHeld: (jobId: string) => boolean = () => false): Promise<void> {
  const { store, workspaces } = storage;
  const { signal } = new AbortController();
  return createJobCloser({ store, workspaces, isHeld, logger: silentLogger }).close(signal);
}

async function folders(): Promise<readonly JobRef[]> {
  const found: JobRef[] = [];
  for await (const job of storage.workspaces.list()) found.push(job);
  return found;
}

describe('a job that the end of the service interrupted', () => {
  it('is closed without an end, and keeps its inputs, its output and its files', async () => {
    const { job } = await interrupt();
    await recover();
    const manifest = await readManifest(storage.store, job);
    expect(manifest?.job).toMatchObject({ status: 'stopped', id: job.jobId, outputComplete: false });
    expect(manifest?.job).not.toHaveProperty('end');
    expect(manifest?.job.endedAt).toBeDefined();
    const rows = manifest?.files.map(({ name, kind, size, truncated }) => [name, kind, size, truncated]);
    expect(rows).toEqual([
      ['script.sh', 'input', 1, false],
      ['stdout', 'output', 4, false],
      ['stderr', 'output', 0, false],
      ['left.txt', 'output', 1, false],
    ]);
  });

  it('tells that its output is cut when the file was full', async () => {
    const { job } = await interrupt('12345678');
    await recover();
    const stdout = (await readManifest(storage.store, job))?.files.find(({ name }) => name === 'stdout');
    expect(stdout).toMatchObject({ truncated: true, size: 8 });
    expect(stdout).not.toHaveProperty('omittedBytes');
  });

  it('has all its output in its events, also what its index did not tell yet', async () => {
    const workspace = await interrupt('héllo');
    const records: IndexRecord[] = [
      { kind: 'queued', position: 0 },
      { kind: 'started', at: 1 },
      { kind: 'output', stream: 'stdout', start: 0, length: 3 },
    ];
    const torn = encodeRecords([{ kind: 'output', stream: 'stdout', start: 3, length: 2 }]).subarray(0, 9);
    writeFileSync(join(workspace.mountSource, '..', 'events'), Buffer.concat([encodeRecords(records), torn]));
    await recover();
    expect(await eventsOf(workspace, 4)).toEqual([
      { id: 1, event: 'queued', data: { id: workspace.job.jobId, position: 0 } },
      { id: 2, event: 'started', data: { id: workspace.job.jobId } },
      { id: 3, event: 'stdout', data: { text: 'hé' } },
      { id: 4, event: 'stdout', data: { text: 'llo' } },
    ]);
  });

  it('tells in its events where its output is cut', async () => {
    const workspace = await interrupt('12345678');
    await recover();
    expect(await eventsOf(workspace, 3)).toEqual([
      { id: 1, event: 'stdout', data: { text: '123456' } },
      { id: 2, event: 'truncated', data: { stream: 'stdout' } },
      { id: 3, event: 'stdout', data: { text: '78' } },
    ]);
  });

  it('is told never to have run while it still waited for its turn', async () => {
    const { job } = await interrupt('', { status: 'queued' });
    await recover();
    const manifest = await readManifest(storage.store, job);
    expect(manifest?.job).toMatchObject({ status: 'stopped', error: { code: 'shutting_down' } });
    expect(manifest?.files).toEqual([]);
  });

  it('is closed once: a second start changes nothing', async () => {
    const { job } = await interrupt();
    await recover();
    const first = await readManifest(storage.store, job);
    await recover();
    expect(await readManifest(storage.store, job)).toEqual(first);
  });

  it('is left as it was closed when the storage folder was copied by hard links', async () => {
    const { job } = await interrupt();
    await recover();
    const closed = await readManifest(storage.store, job);
    const copy = `${root}-copy`;
    execFileSync('cp', ['-al', root, copy]);
    try {
      await recover();
      expect(await readManifest(storage.store, job)).toEqual(closed);
      expect(await storage.store.headObject(jobKey(job, 'stdout'))).toMatchObject({ size: 4 });
    } finally {
      removeFolder(copy);
    }
  });

  it('leaves nothing when its program never started', async () => {
    await makeJob();
    await recover();
    expect(await folders()).toEqual([]);
  });
});

describe('what recovery leaves alone', () => {
  it('a job that runs now', async () => {
    const { job } = await interrupt();
    await recover((jobId) => jobId === job.jobId);
    expect(await readManifest(storage.store, job)).toBeUndefined();
  });

  it('a job whose job.json can’t be read', async () => {
    const workspace = await makeJob();
    writeFileSync(join(workspace.mountSource, '..', 'job.json'), '{"version":');
    await recover();
    expect(await folders()).toEqual([workspace.job]);
  });

  it('a folder of somebody else that is named like a job', async () => {
    mkdirSync(join(root, 'photos', 'job-2019'), { recursive: true });
    await recover();
    expect(await folders()).toEqual([{ sessionId: 'photos', jobId: '2019' }]);
  });
});
