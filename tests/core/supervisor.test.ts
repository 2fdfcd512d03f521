import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAdmission } from '../../src/core/admission.ts';
import type { ContainerRuntime } from '../../src/core/container-runtime.ts';
import { RuntimeError } from '../../src/core/container-runtime.ts';
import type { EngineGate } from '../../src/core/engine-gate.ts';
import type { Manifest } from '../../src/core/jobs/job.ts';
import { DEFAULT_POLICY } from '../../src/core/limits.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { noMetrics } from '../../src/core/metrics.ts';
import { createSandboxes } from '../../src/core/sandboxes.ts';
import { createSupervisor, type JobRequest, type SupervisorOptions } from '../../src/core/supervisor.ts';
import type { ToolHandler } from '../../src/core/tool-handler.ts';
import type { Workspaces } from '../../src/core/workspace.ts';
import { WorkspaceError } from '../../src/core/workspace.ts';
import {
  createFakeRuntime,
  type FakeRuntime,
  type FakeStep,
  fakeArgs,
} from '../../src/runtimes/fake/index.ts';
import { createStorage, type Storage } from '../../src/storage/index.ts';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.ts';

/** Runs a script of the fake engine. */
function script(...steps: readonly FakeStep[]): ToolHandler {
  return {
    name: 'script',
    title: 'Script',
    description: 'Runs steps.',
    input: v.object({ timeoutMs: v.optional(v.number()) }),
    async execute(_input, context) {
      await context.writeInputs([{ path: 'in.txt', content: new TextEncoder().encode('input') }]);
      return context.runContainer({ args: fakeArgs(...steps), env: {} });
    },
  };
}

const OPEN_GATE: EngineGate = {
  pass: async () => {},
  status: async () => ({}),
  suspect: () => {},
  settled: async () => {},
};

let root: string;
let storage: Storage;
let fake: FakeRuntime;

beforeEach(async () => {
  root = makeTemporaryFolder('supervisor');
  storage = await createStorage({ root: join(root, 'storage') });
  fake = createFakeRuntime();
});
afterEach(async () => {
  await storage.close();
  removeFolder(root);
  expect(fake.specs()).toEqual([]);
});

function open(options: Partial<SupervisorOptions> = {}) {
  const runtime = options.runtime ?? fake;
  const supervisor = createSupervisor({
    runtime,
    workspaces: storage.workspaces,
    store: storage.store,
    sandboxes: createSandboxes({ runtime, instanceId: storage.instanceId, logger: silentLogger }),
    image: 'aa-worker:latest',
    ociRuntime: undefined,
    admission: createAdmission({ maxRunning: 2, maxQueued: 2, queueTimeoutMs: 5000 }),
    gate: OPEN_GATE,
    policy: DEFAULT_POLICY,
    resumeGraceMs: 1000,
    onUnkept: () => {},
    logger: silentLogger,
    metrics: noMetrics,
    ...options,
  });
  return {
    ...supervisor,
    /** As a client does that waits for the answer. */
    execute: async (job: JobRequest): Promise<Manifest> => (await supervisor.submit(job)).done,
  };
}

function request(
  tool: ToolHandler,
  livesBy: JobRequest['livesBy'] = new AbortController().signal,
): JobRequest {
  return { tool, sessionId: 's1', input: {}, livesBy, logger: silentLogger };
}

function jobFolder({ job }: Manifest): string {
  return join(root, 'storage', job.sessionId, `job-${job.id}`);
}

const sessions = (): string[] => readdirSync(join(root, 'storage')).filter((name) => !name.startsWith('.'));

describe('a job', () => {
  it('ends in a manifest that lies in its folder, with inputs and streams', async () => {
    const manifest = await open().execute(
      request(script({ stdout: 'out' }, { stderr: 'err!' }, { exit: 4 })),
    );
    expect(manifest.job).toMatchObject({
      tool: 'script',
      sessionId: 's1',
      status: 'stopped',
      end: { outcome: 'exited', exitCode: 4 },
    });
    expect(manifest.files.map(({ kind, name, size }) => [kind, name, size])).toEqual([
      ['input', 'in.txt', 5],
      ['output', 'stdout', 3],
      ['output', 'stderr', 4],
    ]);
    const written = JSON.parse(readFileSync(join(jobFolder(manifest), 'manifest.json'), 'utf8'));
    expect(written).toEqual(JSON.parse(JSON.stringify(manifest)));
  });

  it('names its container in job.json before the program runs', async () => {
    let seen: Record<string, unknown> = {};
    const runtime: ContainerRuntime = {
      ...fake,
      async start(id, io) {
        const [session = ''] = sessions();
        const [job = ''] = readdirSync(join(root, 'storage', session));
        seen = JSON.parse(readFileSync(join(root, 'storage', session, job, 'job.json'), 'utf8'));
        return fake.start(id, io);
      },
    };
    const { job } = await open({ runtime }).execute(request(script()));
    expect(seen).toMatchObject({ version: 1, id: job.id, status: 'created', sandbox: expect.any(String) });
  });

  it('whose client left while it waited for its turn never runs, and nothing is left of it', async () => {
    const create = vi.spyOn(fake, 'create');
    const admission = createAdmission({ maxRunning: 1, maxQueued: 1, queueTimeoutMs: 5000 });
    const giveBack = await admission.enter(undefined).turn;
    const client = new AbortController();
    const waiting = open({ admission }).execute(request(script(), client.signal));
    await vi.waitFor(() => expect(admission.stats().queued).toBe(1));
    client.abort();
    await expect(waiting).rejects.toThrow();
    expect(admission.stats()).toEqual({ running: 1, queued: 0 });
    giveBack?.();
    expect(create).not.toHaveBeenCalled();
    expect(sessions()).toEqual([]);
  });

  it('cancelled while it waits ends without its tool, its inputs and a turn', async () => {
    const admission = createAdmission({ maxRunning: 1, maxQueued: 1, queueTimeoutMs: 5000 });
    await admission.enter(undefined).turn;
    const create = vi.spyOn(fake, 'create');
    const tool = script();
    const execute = vi.spyOn(tool, 'execute');
    const live = await open({ admission }).submit(request(tool, 'itself'));
    live.cancel();
    const manifest = await live.done;
    expect(manifest.job).toMatchObject({
      status: 'stopped',
      end: { outcome: 'canceled', exitCode: 143, signal: 'SIGTERM', durationMs: 0 },
      timings: { start: 0, run: 0 },
    });
    expect(manifest.files.map(({ kind, name, size }) => [kind, name, size])).toEqual([
      ['output', 'stdout', 0],
      ['output', 'stderr', 0],
    ]);
    expect(readdirSync(join(jobFolder(manifest), 'workspace'))).toEqual([]);
    expect(existsSync(join(jobFolder(manifest), 'inputs'))).toBe(false);
    expect(execute).not.toHaveBeenCalled();
    expect(create).not.toHaveBeenCalled();
    expect(admission.stats()).toEqual({ running: 1, queued: 0 });
  });

  it('cancelled while its inputs are written leaves the rest out and starts no program', async () => {
    const create = vi.spyOn(fake, 'create');
    const files = Array.from({ length: 9000 }, (_, n) => ({
      path: `folder-${n % 100}/${n}`,
      content: new Uint8Array(1),
    }));
    let cancel = (): void => {};
    const tool: ToolHandler = {
      ...script(),
      async execute(_input, context) {
        const writing = context.writeInputs(files);
        const folder = join(root, 'storage', 's1', `job-${context.jobId}`, 'inputs', 'folder-1', '1');
        await vi.waitFor(() => expect(existsSync(folder)).toBe(true), { interval: 1 });
        cancel();
        await writing;
        return context.runContainer({ args: fakeArgs(), env: {} });
      },
    };
    const live = await open().submit(request(tool, 'itself'));
    cancel = live.cancel;
    const manifest = await live.done;
    expect(manifest.job.end).toMatchObject({ outcome: 'canceled', exitCode: 143 });
    const inputs = manifest.files.filter(({ kind }) => kind === 'input');
    expect(inputs.length).toBeGreaterThan(0);
    expect(inputs.length).toBeLessThan(files.length / 2);
    expect(manifest.files.filter(({ kind }) => kind === 'output').map(({ name }) => name)).toEqual([
      'stdout',
      'stderr',
    ]);
    expect(create).not.toHaveBeenCalled();
  });

  it('whose client leaves is cancelled, with its output kept', async () => {
    const client = new AbortController();
    setTimeout(() => client.abort(), 100);
    const steps: FakeStep[] = [{ stdout: 'partial' }, { hang: true }];
    const manifest = await open().execute(request(script(...steps), client.signal));
    expect(manifest.job.end).toMatchObject({ outcome: 'canceled' });
    expect(manifest.files.find(({ name }) => name === 'stdout')?.size).toBe(7);
  });
});

describe('a job that can’t run', () => {
  it('leaves nothing when the engine refuses its container, and the gate hears of a dead engine', async () => {
    const suspect = vi.fn();
    fake.failNext('create', new RuntimeError('unavailable', 'x'));
    const supervisor = open({ gate: { ...OPEN_GATE, suspect } });
    await expect(supervisor.execute(request(script()))).rejects.toMatchObject({ code: 'engine_unavailable' });
    expect(sessions()).toEqual([]);
    expect(suspect).toHaveBeenCalledTimes(1);
  });

  it('is refused by the gate before it takes a turn', async () => {
    const gate: EngineGate = {
      ...OPEN_GATE,
      pass: async () => {
        throw new Error('shut');
      },
    };
    const admission = createAdmission({ maxRunning: 1, maxQueued: 1, queueTimeoutMs: 1 });
    await expect(open({ gate, admission }).execute(request(script()))).rejects.toThrow('shut');
    expect(admission.stats()).toEqual({ running: 0, queued: 0 });
  });

  it('is refused with storage_full while the disk has no room, and its turn is given back', async () => {
    const free = vi.fn(async () => ({ bytes: 1024, inodes: 1e9 }));
    const admission = createAdmission({ maxRunning: 1, maxQueued: 0, queueTimeoutMs: 1 });
    const supervisor = open({ workspaces: { ...storage.workspaces, free }, admission });
    await expect(supervisor.execute(request(script()))).rejects.toMatchObject({ code: 'storage_full' });
    free.mockResolvedValue({ bytes: 1e12, inodes: 10 });
    await expect(supervisor.execute(request(script()))).rejects.toMatchObject({ code: 'storage_full' });
    free.mockResolvedValue({ bytes: 1e12, inodes: 1e6 });
    expect((await supervisor.execute(request(script()))).job.end).toMatchObject({ exitCode: 0 });
  });

  it('is storage_full when the disk fills while its folder is made', async () => {
    const create = async (): Promise<never> => {
      throw new WorkspaceError('no_space', 'ENOSPC: /secret/path');
    };
    const refused = open({ workspaces: { ...storage.workspaces, create } }).execute(request(script()));
    await expect(refused).rejects.toMatchObject({
      code: 'storage_full',
      message: expect.not.stringMatching(/secret/),
    });
  });

  it('a tool that throws leaves nothing', async () => {
    const tool: ToolHandler = {
      ...script(),
      execute: async () => {
        throw new TypeError('a bug');
      },
    };
    await expect(open().execute(request(tool))).rejects.toThrow('a bug');
    expect(sessions()).toEqual([]);
  });
});

describe('a run whose end can’t be found out', () => {
  it('has a manifest without an end, and what output there was', async () => {
    const steps: FakeStep[] = [{ stdout: 'before the engine went' }, { hang: true }];
    const running = open().execute(request(script(...steps)));
    await vi.waitFor(() => expect(fake.specs()).toHaveLength(1));
    await new Promise((resolve) => setTimeout(resolve, 100));
    fake.goAway();
    const manifest = await running;
    fake.comeBack();
    expect(manifest.job).toMatchObject({ status: 'stopped' });
    expect(manifest.job).not.toHaveProperty('end');
    expect(manifest.job.error).toMatchObject({ code: 'infra_error' });
    expect(manifest.files.find(({ name }) => name === 'stdout')?.size).toBe(22);
    for (const { id } of await fake.list({ labels: {} })) await fake.remove(id);
  });

  it('files that can’t be kept: infra_error with the job’s id, and the folder stays', async () => {
    const store = {
      ...storage.store,
      putObject: async (): Promise<never> => {
        throw new Error('EIO');
      },
    };
    const error = await open({ store })
      .execute(request(script({ stdout: 'x' })))
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'infra_error',
      details: { id: expect.any(String), sessionId: 's1' },
    });
    const { id } = (error as { details: { id: string } }).details;
    expect(existsSync(join(root, 'storage', 's1', `job-${id}`, 'stdout'))).toBe(true);
  });
});

describe('close', () => {
  it('waits for what runs and refuses what comes', async () => {
    const supervisor = open();
    const running = supervisor.execute(request(script({ sleep: 200 }, { stdout: 'whole' })));
    await vi.waitFor(() => expect(fake.specs()).toHaveLength(1));
    const closing = supervisor.close(5000);
    await expect(supervisor.execute(request(script()))).rejects.toMatchObject({ code: 'shutting_down' });
    await closing;
    expect((await running).job.end).toMatchObject({ outcome: 'exited', exitCode: 0 });
  });

  it('refuses what waits', async () => {
    const supervisor = open();
    const jobs = Array.from({ length: 4 }, () => supervisor.execute(request(script({ sleep: 200 }))));
    const settled = Promise.allSettled(jobs);
    await vi.waitFor(() => expect(fake.specs()).toHaveLength(2));
    await supervisor.close(5000);
    const outcomes = (await settled).map((result) =>
      result.status === 'fulfilled' ? result.value.job.end?.outcome : result.reason.code,
    );
    expect(outcomes.sort()).toEqual(['exited', 'exited', 'shutting_down', 'shutting_down']);
  });

  it('cancels what runs longer than the drain, and leaves no container', async () => {
    const supervisor = open();
    const running = supervisor.execute(request(script({ stdout: 'kept' }, { hang: true })));
    await vi.waitFor(() => expect(fake.specs()).toHaveLength(1));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await supervisor.close(50);
    const manifest = await running;
    expect(manifest.job.end).toMatchObject({ outcome: 'canceled' });
    expect(manifest.files.find(({ name }) => name === 'stdout')?.size).toBe(4);
  });

  it('lets no job slip through between its turn and its start', async () => {
    let supervisor = open();
    const workspaces: Workspaces = {
      ...storage.workspaces,
      async free() {
        await supervisor.close(1000);
        return storage.workspaces.free();
      },
    };
    supervisor = open({ workspaces });
    await expect(supervisor.execute(request(script()))).rejects.toMatchObject({ code: 'shutting_down' });
    expect(sessions()).toEqual([]);
  });
});
