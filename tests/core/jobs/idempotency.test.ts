import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHmac } from '../../../src/core/hmac.ts';
import { createIdempotency } from '../../../src/core/jobs/idempotency.ts';
import type { JobCatalog } from '../../../src/core/jobs/job-catalog.ts';
import type { LiveJob } from '../../../src/core/jobs/live-job.ts';
import { createStorage, type Storage } from '../../../src/storage/index.ts';
import { makeTemporaryFolder, removeFolder } from '../../support/temporary-folder.ts';

const NEVER = new AbortController().signal;

let root: string;
let storage: Storage;
/** Jobs that there are. */
let known: Set<string>;

beforeEach(async () => {
  root = makeTemporaryFolder('idempotency');
  storage = await createStorage({ root });
  known = new Set();
});
afterEach(async () => {
  await storage.close();
  removeFolder(root);
});

async function open() {
  const catalog: Pick<JobCatalog, 'get'> = {
    get: async ({ jobId }) =>
      known.has(jobId) ? { state: 'interrupted', record: recordOf(jobId) } : undefined,
  };
  return createIdempotency({ hmac: await createHmac(new Uint8Array(32)), claims: storage.claims, catalog });
}

const recordOf = (id: string) => ({ id }) as LiveJob['record'];
const request = (key: string) => ({ caller: undefined, key, body: { a: 1 }, sessionId: 's' });

/** A job that lives from now on. */
const begin = async (id: string): Promise<LiveJob> => {
  known.add(id);
  return { record: recordOf(id) } as LiveJob;
};

describe('prune', () => {
  it('forgets the keys of jobs that are gone, and keeps the others', async () => {
    const idempotency = await open();
    const [gone, kept] = [
      await idempotency.once(request('a'), begin),
      await idempotency.once(request('b'), begin),
    ];
    known.delete(gone.job.record.id);
    await idempotency.prune(NEVER);
    expect(await storage.claims.names()).toHaveLength(1);
    const again = await idempotency.once(request('b'), begin);
    expect([again.isNew, again.job.record.id]).toEqual([false, kept.job.record.id]);
  });

  it('forgets no key whose job is just being made', async () => {
    const idempotency = await open();
    let make: (() => void) | undefined;
    const making = idempotency.once(request('a'), async (id) => {
      await new Promise<void>((resolve) => {
        make = resolve;
      });
      return begin(id);
    });
    while (make === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
    const pruning = idempotency.prune(NEVER);
    await new Promise((resolve) => setTimeout(resolve, 20));
    make();
    await making;
    await pruning;
    expect((await idempotency.once(request('a'), begin)).isNew).toBe(false);
  });

  it('ends when the service does', async () => {
    const idempotency = await open();
    await idempotency.once(request('a'), begin);
    known.clear();
    await idempotency.prune(AbortSignal.abort());
    expect(await storage.claims.names()).toHaveLength(1);
  });
});
