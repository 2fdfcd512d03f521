import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newJobId } from '../../../src/core/ids.ts';
import { openCapture } from '../../../src/core/jobs/capture.ts';
import { createEventLog, type EventLog } from '../../../src/core/jobs/event-log.ts';
import { followJob } from '../../../src/core/jobs/follow-job.ts';
import type { JobRecord, Manifest } from '../../../src/core/jobs/job.ts';
import { createJobCatalog, type JobCatalog } from '../../../src/core/jobs/job-catalog.ts';
import type { LiveJob } from '../../../src/core/jobs/live-job.ts';
import type { IndexedEvent } from '../../../src/core/jobs/read-events.ts';
import { DEFAULT_LIMITS } from '../../../src/core/limits.ts';
import type { StreamName, Workspace } from '../../../src/core/workspace.ts';
import { createStorage, type Storage } from '../../../src/storage/index.ts';
import { outputOf, type ProgramWrite } from '../../support/memory-job.ts';
import { makeTemporaryFolder, removeFolder } from '../../support/temporary-folder.ts';

let root: string;
let storage: Storage;
let catalog: JobCatalog;

beforeEach(async () => {
  root = makeTemporaryFolder('follow');
  storage = await createStorage({ root: join(root, 'storage') });
  const supervisor = { find: () => undefined, holds: () => false, list: () => [] };
  catalog = createJobCatalog({ workspaces: storage.workspaces, store: storage.store, supervisor });
});
afterEach(async () => {
  await storage.close();
  removeFolder(root);
});

/** A job that runs as long as its test lets it, on a folder of its own. */
async function startJob() {
  const workspace = await storage.workspaces.create({ sessionId: 's', jobId: newJobId('s', undefined) });
  const log = createEventLog(await workspace.openOutput('events'));
  let end: () => void = () => {};
  const done = new Promise<Manifest>((resolve) => {
    end = () => resolve(toManifest(workspace));
  });
  return { workspace, log, live: toLive(workspace, log, done), end: () => end() };
}

function toLive(workspace: Workspace, log: EventLog, done: Promise<Manifest>): LiveJob {
  return {
    ref: workspace.job,
    owner: undefined,
    record: toManifest(workspace).job,
    log,
    files: workspace,
    done,
    cancel: () => {},
    abandon: () => {},
    attend: () => () => {},
  };
}

function toManifest({ job }: Workspace): Manifest {
  const record: JobRecord = {
    version: 1,
    id: job.jobId,
    sessionId: job.sessionId,
    tool: 'code_execution',
    status: 'stopped',
    limits: DEFAULT_LIMITS,
    createdAt: '2026-01-01T00:00:00.000Z',
  };
  return { version: 1, job: record, files: [], skipped: [], truncated: false };
}

interface Followed {
  readonly events: readonly IndexedEvent[];
  /** None for a reader that went away. */
  readonly count: number;
}

async function follow(followed: ReturnType<typeof followJob>): Promise<Followed> {
  const events: IndexedEvent[] = [];
  for (;;) {
    const next = await followed.next();
    if (next.done === true) return { events, count: next.value?.count ?? 0 };
    events.push(next.value);
  }
}

function replay(workspace: Workspace, after = 0): Promise<Followed> {
  const manifest = toManifest(workspace);
  return follow(
    followJob(
      { state: 'stopped', record: manifest.job, manifest },
      catalog,
      after,
      new AbortController().signal,
    ),
  );
}

/** Runs writes under a reader that follows them and, when they have ended, reads all again. */
async function followAndReplay(writes: readonly (ProgramWrite & { pause: boolean })[], maxBytes: number) {
  const { workspace, log, end, live } = await startJob();
  const reads = { stdout: 0, stderr: 0, events: 0 };
  const files: LiveJob['files'] = {
    readPart(name, position, length) {
      reads[name] += 1;
      return workspace.readPart(name, position, length);
    },
  };
  const watched: LiveJob = { ...live, files };
  const following = follow(
    followJob(
      { state: 'live', live: watched, record: live.record },
      catalog,
      0,
      new AbortController().signal,
    ),
  );
  const streams = await openCapture(workspace, log, maxBytes);
  for (const { stream, bytes, pause } of writes) {
    await streams[stream].write(bytes);
    if (pause) await new Promise((resolve) => setTimeout(resolve, 3));
  }
  await streams.finish();
  await log.close();
  end();
  return { live: await following, again: await replay(workspace), reads };
}

/** A tail that begins within a character is told in pieces that are smaller than the tail. */
const characters = fc
  .tuple(fc.constantFrom('ä', '€', '😀', '\u{20ac}\u{1f600}'), fc.integer({ min: 1, max: 100 }))
  .map(([text, times]) => new TextEncoder().encode(text.repeat(times)));
const write = fc.record({
  stream: fc.constantFrom<StreamName>('stdout', 'stdout', 'stderr'),
  bytes: fc.oneof(characters, fc.uint8Array({ minLength: 1, maxLength: 300 })),
  pause: fc.boolean(),
});

describe('a reader that follows a job', () => {
  it('gets what a replay gets, byte for byte, also of streams that were longer than their cap', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(write, { maxLength: 12 }),
        fc.integer({ min: 1, max: 1200 }),
        async (all, cap) => {
          const { live, again, reads } = await followAndReplay(all, cap);
          expect(live).toEqual(again);
          expect(live.events.map(({ id }) => id)).toEqual(live.events.map((_, index) => index + 1));
          expect(reads.stdout + reads.stderr).toBeLessThanOrEqual(live.count);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('gets the tail as it is at the end, though it read the head when older bytes lay there', async () => {
    const writes = ['ä', 'ä', 'ä', '€'].map((text) => {
      const bytes = new TextEncoder().encode(text.repeat(500));
      return { stream: 'stdout', bytes, pause: true } as const;
    });
    const { live, again } = await followAndReplay(writes, 1000);
    const tail = outputOf(live.events, 'stdout').subarray(750);
    // It begins within a character, whose rest is told first.
    expect(tail).toEqual(Buffer.from('€'.repeat(84)).subarray(2));
    expect(live).toEqual(again);
  });

  it('goes on from any event, and from more than there are', async () => {
    const { workspace, log, live, end } = await startJob();
    const streams = await openCapture(workspace, log, 1000);
    for (const stream of ['stdout', 'stderr', 'stdout', 'stderr'] as const)
      await streams[stream].write(new TextEncoder().encode(stream));
    await streams.finish();
    await log.close();
    end();
    const { signal } = new AbortController();
    const { events, count } = await replay(workspace);
    for (const after of [0, 1, count, count + 7]) {
      const followed = await follow(
        followJob({ state: 'live', live, record: live.record }, catalog, after, signal),
      );
      expect(followed).toEqual({ events: events.slice(after), count });
      expect(await replay(workspace, after)).toEqual({ events: events.slice(after), count });
    }
  });

  it('that goes away is let go, whether the job writes, waits or ends', async () => {
    const { workspace, log, live } = await startJob();
    const reader = new AbortController();
    const following = follow(
      followJob({ state: 'live', live, record: live.record }, catalog, 0, reader.signal),
    );
    log.append([{ kind: 'queued', position: 0 }]);
    await log.grown(0, new AbortController().signal);
    reader.abort();
    expect((await following).events.length).toBeLessThanOrEqual(1);
    const late = new AbortController();
    const atTheEnd = follow(followJob({ state: 'live', live, record: live.record }, catalog, 0, late.signal));
    await log.close();
    late.abort();
    await atTheEnd;
    expect((await replay(workspace)).count).toBe(1);
  });
});
