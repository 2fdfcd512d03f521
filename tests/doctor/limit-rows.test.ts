import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/core/limits.ts';
import { readDoors } from '../../src/doctor/check-doors.ts';
import { readBounds, readForks } from '../../src/doctor/limit-rows.ts';
import { toFinding } from '../../src/doctor/measured-limit.ts';
import type { ProbeReport } from '../../src/doctor/run-probe.ts';
import { INFO } from './sample-info.ts';

const ASKED = {
  limits: { ...DEFAULT_LIMITS, memoryBytes: 128 * 1024 * 1024, cpus: 0.2 },
  user: { uid: 10_001, gid: 10_001 },
  ociRuntime: undefined as string | undefined,
  kernelVersion: '6.12.0',
};

const NO_CAPABILITIES = Array(5).fill('0000000000000000').join(' ');

const GOOD: Readonly<Record<string, string>> = {
  user: '10001 10001',
  capabilities: NO_CAPABILITIES,
  new_privileges: '1',
  seccomp: '2',
  root_file_system: 'ro',
  nofile: '4096',
  fsize: '2147483648',
  core: '0',
  kernel: '6.12.0',
  network: 'lo',
  connected: 'no ENETUNREACH',
  tmp: '67108864',
  quota: '20000',
  cpu: '0.21',
};

function report(
  lines: Readonly<Record<string, string>>,
  end: Partial<ProbeReport['exit']> = {},
): ProbeReport {
  const exit = { exitCode: 137, oomKilled: true, durationMs: 1, outputComplete: true, ...end };
  const stdout = Object.entries(lines).map(([name, value]) => `${name} ${value}\n`);
  return { exit, stdout: stdout.join(''), stderr: '' };
}

const bounds = (lines: Readonly<Record<string, string>>, end = {}, asked = ASKED) =>
  readBounds(report({ ...GOOD, ...lines }, end), asked);

/** Names of rows that say no, and of those that can't say. */
const missed = (rows: ReturnType<typeof bounds>) => ({
  not: rows.flatMap(({ name, bites }) => (bites === false ? [name] : [])),
  unknown: rows.flatMap(({ name, bites }) => (bites === undefined ? [name] : [])),
});

describe('what a run saw of its bounds', () => {
  it('is all good on a good host', () => {
    expect(missed(bounds({}))).toEqual({ not: [], unknown: [] });
  });

  it.each([
    ['memory', { memory: '402653184' }, { oomKilled: false, exitCode: 0 }],
    ['memory', {}, { oomKilled: false, exitCode: 1 }],
    ['memory', { memory: '402653184' }, { oomKilled: false, exitCode: 137 }],
    ['cpu', { cpu: '0.97' }, {}],
    ['cpu', { cpu: '0.19', quota: 'max' }, {}],
    ['cpu', { cpu: '0.19', quota: '-1' }, {}],
    ['network', { network: 'lo eth0' }, {}],
    ['network', { connected: 'yes' }, {}],
    ['tmp', { tmp: '100663296' }, {}],
    ['tmp', { tmp: '0' }, {}],
    ['open_files', { nofile: '1048576' }, {}],
    ['open_files', { nofile: '-1' }, {}],
    ['file_size', { fsize: '-1' }, {}],
    ['core_files', { core: '-1' }, {}],
    ['user', { user: '0 0' }, {}],
    ['capabilities', { capabilities: NO_CAPABILITIES.replace('0 ', '400 ') }, {}],
    ['new_privileges', { new_privileges: '0' }, {}],
    ['seccomp', { seccomp: '0' }, {}],
    ['root_file_system', { root_file_system: 'rw' }, {}],
  ])('shows that %s alone does not bite: %j %j', (name, lines, end) => {
    expect(missed(bounds(lines, end))).toEqual({ not: [name], unknown: [] });
  });

  it('is told in words, and which limits are the probe’s own', () => {
    const seen = Object.fromEntries(bounds({}).map(({ name, asked, seen }) => [name, `${asked} | ${seen}`]));
    expect(seen).toMatchObject({
      memory: "128 MiB, no swap (the probe's own) | killed on the way to 384 MiB",
      cpu: "0.2 of a CPU (the probe's own) | 0.21 of a CPU",
      file_size: '2048 MiB | 2048 MiB',
      network: 'none but loopback | lo; connecting failed with ENETUNREACH',
      capabilities: 'no capability | no capability',
      new_privileges: 'no new privileges | no new privileges',
      seccomp: "the engine's filter | the engine's filter",
    });
    const masks = NO_CAPABILITIES.replace('0 ', '400 ');
    const bad = bounds({ capabilities: masks }).find(({ name }) => name === 'capabilities');
    expect(bad?.seen).toContain(masks);
  });

  it('under a kernel of its own leaves open what that doesn’t tell', () => {
    const asked = { ...ASKED, ociRuntime: 'runsc' };
    const capabilities = NO_CAPABILITIES.replace(/0+$/, '?');
    const lines = { kernel: '4.4.0', new_privileges: '?', seccomp: '0', quota: '', capabilities };
    expect(missed(bounds(lines, {}, asked))).toEqual({ not: [], unknown: ['new_privileges', 'seccomp'] });
  });

  it('shows when another OCI runtime ran than was asked for', () => {
    const rows = bounds({}, {}, { ...ASKED, ociRuntime: 'runsc' });
    expect(missed(rows).not).toEqual(['own_kernel']);
  });

  it('takes a kill at taking memory for the memory limit, whatever the engine calls it', () => {
    expect(missed(bounds({}, { oomKilled: false })).not).toEqual([]);
  });

  it('is nothing good where nothing was reported, though it was killed', () => {
    expect(missed(readBounds(report({}, { oomKilled: false }), ASKED)).not).toHaveLength(12);
  });
});

describe('what a run that forks saw', () => {
  it.each([
    ['refused', { forked: '126', refused: '126' }, 0, true],
    ['a sandbox that ended', { forked: '14' }, 2, true],
    ['as many as it liked', { forked: '256' }, 0, false],
    ['refused beyond the limit', { forked: '200', refused: '200' }, 0, false],
    ['nothing', {}, 2, false],
  ])('%s', (_, lines, exitCode, bites) => {
    expect(readForks(report(lines, { exitCode, oomKilled: false }), ASKED)).toMatchObject({
      name: 'pids',
      bites,
    });
  });
});

describe('a limit that does not bite', () => {
  const limit = { name: 'cpu', asked: 'a', seen: 's', how: 'h' };

  it('fails with its cure, and only warns where the operator accepts it', () => {
    const row = { ...limit, bites: false };
    expect(toFinding(row, 'Do it.', [])).toEqual({ ...limit, status: 'fail', cure: 'Do it.' });
    expect(toFinding(row, 'Do it.', ['cpu'])).toMatchObject({ status: 'warn', cure: 'Do it.' });
  });

  it('is told when nobody can know', () => {
    expect(toFinding(limit, 'Do it.', [])).toMatchObject({ status: 'warn' });
  });
});

describe('doors', () => {
  const knocked = (open: readonly string[], exitCode = 0): ProbeReport => ({
    exit: { exitCode, oomKilled: false, durationMs: 1, outputComplete: true },
    stdout: `closed keyctl\n${open.map((name) => `open ${name}\n`).join('')}`,
    stderr: '',
  });

  it('that are open are named with the version that closes each', () => {
    const rows = readDoors(knocked(['io_uring', 'AF_ALG', '/proc/interrupts']), INFO, false);
    expect(rows).toMatchObject([
      { name: 'seccomp_leaves_open', status: 'warn', seen: 'io_uring, AF_ALG' },
      { name: 'masks_leave_open', status: 'warn', seen: '/proc/interrupts' },
    ]);
    expect(rows[0]?.cure).toMatch(/io_uring: 25\.0\.0; AF_ALG: 29\.4\.3/);
    expect(rows[1]?.cure).toContain('28.0.2');
  });

  it('that no version closes are said to be that', () => {
    const [row] = readDoors(knocked(['user_namespaces']), { ...INFO, name: 'podman' }, false);
    expect(row?.cure).toMatch(/No version .* closes user_namespaces/);
  });

  it('are closed, or the sandbox’s own, or could not be tried', () => {
    expect(readDoors(knocked([]), INFO, false).map(({ status }) => status)).toEqual(['ok', 'ok']);
    expect(readDoors(knocked(['io_uring']), INFO, true)).toMatchObject([{ status: 'ok' }]);
    expect(readDoors(knocked([], 1), INFO, false)).toMatchObject([{ status: 'warn' }]);
  });
});
