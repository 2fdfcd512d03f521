import { execFile } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/core/finding.ts';
import { toTable } from '../../src/doctor/to-table.ts';
import { callEngine, DOCKER, PODMAN, settingsFor, type TestEngine, titleFor } from '../support/engine.ts';
import { type CreateBody, changing, startEngineProxy } from '../support/engine-proxy.ts';
import { titleOf } from '../support/skips.ts';
import { startServiceProcess } from '../support/start-service.ts';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/doctor.js', import.meta.url));
const IMAGE = process.env.AA_WORKER_IMAGE ?? 'aa-worker:latest';

let folder: string;

beforeAll(() => {
  folder = makeTemporaryFolder('doctor');
  chmodSync(folder, 0o755);
});
afterAll(() => {
  removeFolder(folder);
});

interface Diagnosis {
  readonly code: number;
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  readonly failed: readonly string[];
}

/** Runs the command as a person does, with nothing of the tester's own settings. */
async function diagnose(
  env: Readonly<Record<string, string>>,
  prefix: readonly string[] = [],
): Promise<Diagnosis> {
  const [program = '', ...args] = [...prefix, process.execPath, SCRIPT, '--json'];
  const settings = {
    PATH: process.env.PATH,
    HOME: folder,
    TMPDIR: folder,
    AA_WORKER_IMAGE: IMAGE,
    AA_RUNTIME: 'docker',
    DOCKER_SOCKET_PATH: DOCKER.socketPath,
    AA_STORAGE_PATH: join(folder, 'storage'),
    ...env,
  };
  const { code, stdout, stderr } = await new Promise<{ code: number; stdout: string; stderr: string }>(
    (resolve) => {
      execFile(program, args, { env: settings }, (error, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code), stdout: out, stderr: err }),
      );
    },
  );
  expect(stderr).toMatch(/^Measuring .* takes some seconds\.$/m);
  const { ok, findings } = JSON.parse(stdout) as Pick<Diagnosis, 'ok' | 'findings'>;
  const failed = findings.flatMap(({ name, status }) => (status === 'fail' ? [name] : []));
  expect({ code, ok }).toEqual({ code: failed.length > 0 ? 1 : 0, ok: failed.length === 0 });
  for (const { name, status, cure } of findings) if (status !== 'ok') expect(cure, name).toMatch(/\.$/);
  return { code, ok, findings, failed };
}

/** Expects that these rows fail and no other, and that what a person reads ends with the cure. */
function expectCure({ findings, failed }: Diagnosis, names: readonly string[], cure: RegExp): void {
  expect(failed).toEqual(names);
  const [, told] = toTable(findings).split('What to do:\n');
  expect(told).toMatch(cure);
}

/** As `diagnose`, with something in front of the engine. Nothing that was made through it may be left. */
async function diagnoseThrough(
  rewrite: (body: CreateBody) => CreateBody,
  engine: TestEngine = DOCKER,
): Promise<Diagnosis> {
  const proxy = await startEngineProxy(engine.socketPath, rewrite);
  try {
    const diagnosis = await diagnose(settingsFor({ ...engine, socketPath: proxy.socketPath }));
    expect(proxy.created.length).toBeGreaterThan(4);
    for (const id of proxy.created)
      await expect(callEngine(engine, 'GET', `/containers/${id}/json`)).rejects.toThrow(/404/);
    return diagnosis;
  } finally {
    await proxy.close();
  }
}

describe.each([DOCKER, PODMAN])('npm run doctor on a good host with $name', (engine) => {
  const title = titleFor(
    'tells every limit with what was asked, seen and how; leaves nothing; exit 0',
    engine,
  );
  it.skipIf(engine.obstacle !== undefined)(title, async () => {
    const { findings, failed } = await diagnoseThrough((body) => body, engine);
    expect(failed).toEqual([]);
    const rows = new Map(findings.map((row) => [row.name, row]));
    for (const name of ['memory', 'cpu', 'pids', 'network', 'disk', 'output', 'tmp']) {
      const row = {
        status: 'ok',
        asked: expect.any(String),
        seen: expect.any(String),
        how: expect.any(String),
      };
      expect(rows.get(name), name).toMatchObject(row);
    }
    expect(rows.get('engine')?.seen).toMatch(
      new RegExp(`^${engine.name} \\d+\\..*(rootful|rootless), cgroup v[12].* at /`),
    );
    expect(rows.get('image')?.seen).toMatch(/^(sha256:)?[0-9a-f]{64}$/);
    expect(rows.get('languages')?.seen).toMatch(/^python \d\S+, node \d\S+, bun \d\S+, bash \d/);
    expect(rows.get('storage')?.status).toBe('ok');
    expect(rows.get('free_space')?.seen).toMatch(/GiB/);
    expect(rows.has('seccomp_leaves_open')).toBe(true);
    expect(existsSync(join(folder, 'storage')), 'a folder made only to be looked at').toBe(false);
  });
});

describe('npm run doctor', () => {
  it('without an engine', async () => {
    const socket = join(folder, 'nothing.sock');
    const diagnosis = await diagnose({ DOCKER_SOCKET_PATH: socket });
    expectCure(diagnosis, ['engine'], /Correct DOCKER_SOCKET_PATH/);
    expect(JSON.stringify(diagnosis)).not.toMatch(/npm run setup|Start one/);
    expect(diagnosis.findings.find(({ name }) => name === 'engine')?.seen).toContain(
      `${socket} (DOCKER_SOCKET_PATH): does not exist`,
    );
  });

  const canBecome = process.platform === 'linux' && process.getuid?.() === 0;
  const forRoot = titleOf(
    'as a user who may not open the socket',
    canBecome ? undefined : 'needs root on Linux',
  );
  it.skipIf(!canBecome)(forRoot, async () => {
    const home = join(folder, 'nobody');
    mkdirSync(home);
    chownSync(home, 65_534, 65_534);
    const env = { HOME: home, TMPDIR: home, AA_STORAGE_PATH: join(home, 'storage') };
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
    expectCure(
      await diagnose(env, nobody),
      ['engine'],
      /`sudo usermod -aG docker "\$USER"`, then log in again\.$/,
    );
  });

  it('without the image', async () => {
    const diagnosis = await diagnose({ AA_WORKER_IMAGE: 'aa-worker:missing' });
    expectCure(diagnosis, ['image'], /docker build -t aa-worker:missing worker.*npm run setup/);
  });

  it('where the engine sees another storage folder by that path', async () => {
    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere);
    chownSync(elsewhere, 10_001, 10_001);
    const diagnosis = await diagnoseThrough(
      changing(({ Mounts }) => ({
        Mounts: (Mounts as object[]).map((mount) => ({ ...mount, Source: elsewhere })),
      })),
    );
    expectCure(diagnosis, ['storage'], /AA_STORAGE_PATH must name one folder by the same path/);
  });

  it('where a limit is dropped on the way to the engine: that row alone', async () => {
    const diagnosis = await diagnoseThrough(changing(() => ({ PidsLimit: 0 })));
    expectCure(diagnosis, ['pids'], /cgroup controllers.*AA_ALLOW_UNENFORCED=pids/);
    expect(diagnosis.findings.find(({ name }) => name === 'pids')).toMatchObject({
      asked: '128 processes',
      seen: 'had 256',
      how: expect.stringContaining('forked'),
    });
  });

  it('with settings that are not usable: says what to write, and looks at the rest with the defaults', async () => {
    const env = { AA_OCI_RUNTIME: 'a b', AA_NONSENSE: '1', DOCKER_SOCKET_PATH: join(folder, 'nothing.sock') };
    const diagnosis = await diagnose(env);
    expectCure(diagnosis, ['settings', 'engine'], /AA_NONSENSE is not a variable.*remove it/);
    expectCure(diagnosis, ['settings', 'engine'], /AA_OCI_RUNTIME=a b is not usable: write/);
  });

  it('beside a running service, whose storage it needn’t have for itself', async () => {
    const service = await startServiceProcess();
    try {
      expect((await diagnose({ AA_STORAGE_PATH: service.storageRoot })).failed).toEqual([]);
      expect(readdirSync(service.storageRoot)).toEqual(['.supervisor']);
    } finally {
      await service.stop();
    }
  });
});
