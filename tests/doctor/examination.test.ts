import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerRuntime } from '../../src/core/container-runtime.ts';
import { RuntimeError } from '../../src/core/container-runtime.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { createSandboxes } from '../../src/core/sandboxes.ts';
import { WorkspaceError, type Workspaces } from '../../src/core/workspace.ts';
import { createExamination } from '../../src/doctor/examination.ts';
import { toTable } from '../../src/doctor/to-table.ts';
import { createFakeRuntime } from '../../src/runtimes/fake/index.ts';
import { createWorkspaces } from '../../src/storage/workspace/index.ts';
import { makeTempFolder } from '../support/temporary-folder.ts';
import { INFO } from './sample-info.ts';

let folder: Awaited<ReturnType<typeof makeTempFolder>>;

beforeEach(async () => {
  folder = await makeTempFolder();
});
afterEach(() => folder.remove());

function setUp(
  change: Partial<ContainerRuntime> = {},
  storage: Partial<Workspaces> = {},
  place: { readonly platform?: string; readonly storagePath?: string } = {},
) {
  let runs = 0;
  const fake = createFakeRuntime({
    program: async () => {
      runs += 1;
      return 0;
    },
  });
  const runtime: ContainerRuntime = { ...fake, ...change };
  const workspaces = createWorkspaces({ root: folder.path, runner: { uid: 10_001, gid: 10_001 } });
  const examination = createExamination({
    runtime,
    sandboxes: createSandboxes({ runtime, instanceId: 'i', logger: silentLogger }),
    workspaces: { ...workspaces, ...storage },
    image: 'aa-worker:latest',
    ociRuntime: undefined,
    user: { uid: 10_001, gid: 10_001 },
    allowUnenforced: [],
    platform: 'linux',
    storagePath: folder.path,
    storageLabel: 'AA_STORAGE_PATH',
    ...place,
    measureLimits: async () => [{ name: 'memory', asked: 'a', seen: 's', how: 'h', bites: true }],
    logger: silentLogger,
  });
  return { examination, fake, runs: () => runs };
}

describe('a running service’s rows', () => {
  it('are measured once, however many ask, at the same time or later; nothing is left', async () => {
    const { examination, fake, runs } = setUp();
    const [one, other] = await Promise.all([examination.findings(), examination.findings()]);
    const namesOf = (findings: typeof one) => findings.map(({ name }) => name);
    expect(namesOf(one)).toEqual(namesOf(other));
    const measured = runs();
    expect(measured).toBeGreaterThan(0);
    expect((await examination.findings()).map(({ name }) => name)).toContain('memory');
    expect(runs()).toBe(measured);
    expect(fake.specs()).toEqual([]);
  });

  it('tell what failed with its cure and nothing of the host, and never reject', async () => {
    const info = () => Promise.reject(new RuntimeError('unavailable', 'no /secret/path.sock'));
    const findings = await setUp({ info }).examination.findings();
    const engine = findings.find(({ name }) => name === 'engine');
    expect(engine).toEqual({ name: 'engine', status: 'fail', cure: expect.stringMatching(/npm run setup/) });
    expect(toTable(findings).trimEnd()).toMatch(/What to do:\n {2}engine: .*npm run setup.*\.$/);
    expect(JSON.stringify(findings)).not.toContain('/secret');
  });

  it('tell on a Mac which socket goes where and which folders aren’t shared, also where no engine answers', async () => {
    const info = () => Promise.reject(new RuntimeError('unavailable', 'x'));
    const mac = { platform: 'darwin', storagePath: '/private/tmp/aa' };
    const text = toTable(await setUp({ info }, {}, mac).examination.findings());
    const sockets = /`podman machine inspect` names; compose mounts the machine's own/;
    expect(text).toMatch(new RegExp(`engine: .*npm run setup.*${sockets.source}`));
    expect(text).toMatch(/mac_storage .*\/tmp/);
    expect(text).toContain('AA_STORAGE_PATH=$HOME');
    const named = { ...INFO, name: 'podman' as const };
    const found = toTable(await setUp({ info: async () => named }, {}, mac).examination.findings());
    expect(found).toMatch(new RegExp(`ok +mac_sockets .*${sockets.source}`));
  });

  it('tell of a storage folder that can’t be used how to get one that can', async () => {
    const free = () => Promise.reject(new WorkspaceError('unavailable', 'ENOENT /secret'));
    const findings = await setUp({}, { free }).examination.findings();
    expect(findings.find(({ name }) => name === 'free_space')).toEqual({
      name: 'free_space',
      status: 'fail',
      cure: expect.stringMatching(/AA_STORAGE_PATH/),
    });
  });

  it('begin no run once the service closes', async () => {
    const { examination, runs } = setUp();
    await examination.close();
    await examination.findings();
    expect(runs()).toBe(0);
  });
});
