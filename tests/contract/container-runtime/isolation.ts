import { readFile } from 'node:fs/promises';
import { describe, expect, it, type TestContext } from 'vitest';
import { skipTest } from '../../support/skips.ts';
import { EXAM_FSIZE, type Exam } from './subject.ts';

const MEBIBYTE = 1024 * 1024;

/** Mount points that an engine may add by itself; its masks below /proc and /sys differ by version. */
const ENGINE_MOUNTS =
  /^(\/|\/proc|\/proc\/.+|\/sys|\/sys\/.+|\/dev|\/dev\/(pts|shm|mqueue)|\/etc\/(hosts|hostname|resolv\.conf)|\/run\/\.containerenv|\/(usr\/)?s?bin\/docker-init|\/dev\/init|\/run\/podman-init)$/;
const USUAL_DEVICES =
  /^(console|core|fd|full|init|mqueue|null|ptmx|pts|random|shm|stderr|stdin|stdout|tty|urandom|zero)$/;

/** What `probe.py` prints. */
interface Seen {
  uid: number[];
  gid: number[];
  groups: number[];
  caps: Record<string, number>;
  noNewPrivs: number;
  seccomp: number;
  env: Record<string, string>;
  cwd: string;
  hostname: string;
  interfaces: string[];
  devices: string[];
  mounts: [string, string][];
  pids: number[];
  rlimits: Record<string, [number, number]>;
  memory: string;
  swap: string | null;
  memoryAndSwap: string | null;
  tasks: string;
  cpu: string;
  writes: Record<string, string>;
  controls: Record<string, string>;
  masked: Record<string, number>;
  firmware: string[];
  mknod: string;
  fsize: string;
  tmpExec: string;
  tmpBytes: number;
  tmpInodes: number;
  metadataService: string;
  bridge: string;
  threads: number;
  cpuShare: number;
}

export function describeIsolation(exam: Exam): void {
  let seen: Promise<Seen> | undefined;
  const look = (context: TestContext): Promise<Seen> => {
    // The fake is one: no machine has what these cases look for.
    if (!exam.subject.isolates) skipTest(context, `${exam.subject.runtime.name} isolates nothing`);
    seen ??= probe(exam);
    return seen;
  };

  describe('isolation, seen from inside', () => {
    it('is the user of the spec, with no other group', async (context) => {
      const { uid, gid, groups } = await look(context);
      expect({ uid, gid, groups }).toEqual({
        uid: [10001, 10001, 10001],
        gid: [10001, 10001, 10001],
        groups: [],
      });
    });

    it('has no capability, gains no privilege, and is filtered', async (context) => {
      const { caps, noNewPrivs, seccomp } = await look(context);
      expect(caps).toEqual({ CapInh: 0, CapPrm: 0, CapEff: 0, CapBnd: 0, CapAmb: 0 });
      expect({ noNewPrivs, seccomp }).toEqual({ noNewPrivs: 1, seccomp: 2 });
    });

    it('is bounded in memory without swap, in CPU and in tasks', async (context) => {
      const { memory, swap, memoryAndSwap, cpu, tasks } = await look(context);
      expect(Number(memory)).toBe(512 * MEBIBYTE);
      expect(memoryAndSwap === null ? Number(swap) : Number(memoryAndSwap) - 512 * MEBIBYTE).toBe(0);
      expect({ cpu, tasks }).toEqual({ cpu: '50000 100000', tasks: '128' });
    });

    it('feels these bounds', async (context) => {
      const { threads, cpuShare } = await look(context);
      expect(threads).toBeGreaterThan(64);
      expect(threads).toBeLessThan(128);
      expect(cpuShare).toBeGreaterThan(0.2);
      expect(cpuShare).toBeLessThan(0.6);
    });

    it('has the rlimits of the spec, and feels the file size', async (context) => {
      const { rlimits, fsize } = await look(context);
      expect(rlimits).toEqual({ nofile: [1024, 1024], core: [0, 0], fsize: [EXAM_FSIZE, EXAM_FSIZE] });
      expect(fsize).toBe('EFBIG');
    });

    it('may write to /workspace and /tmp only', async (context) => {
      const { '/workspace/x': workspace, '/tmp/x': tmp, ...elsewhere } = (await look(context)).writes;
      expect({ workspace, tmp }).toEqual({ workspace: 'allowed', tmp: 'allowed' });
      for (const [path, answer] of Object.entries(elsewhere))
        expect(['EROFS', 'EACCES'], path).toContain(answer);
    });

    it('has the /tmp of the spec: size, inodes, executable', async (context) => {
      const { tmpBytes, tmpInodes, tmpExec, mounts } = await look(context);
      expect(tmpBytes).toBe(64 * MEBIBYTE);
      expect(tmpInodes).toBeGreaterThan(4000);
      expect(tmpInodes).toBeLessThan(4096);
      expect(tmpExec).toBe('allowed');
      const options = mounts.find(([path]) => path === '/tmp')?.[1].split(',');
      expect(options).toEqual(expect.arrayContaining(['rw', 'nosuid', 'nodev']));
    });

    it('sees the mounts of the spec and the usual ones of the engine, the root read-only', async (context) => {
      const { mounts } = await look(context);
      const own = mounts.map(([path]) => path).filter((path) => !ENGINE_MOUNTS.test(path));
      expect(own.sort()).toEqual(['/tmp', '/workspace']);
      expect(mounts.find(([path]) => path === '/')?.[1].split(',')).toContain('ro');
    });

    it('can not reach the controls of the kernel, nor what the engine masks', async (context) => {
      const { controls, masked, firmware, mknod } = await look(context);
      for (const [path, answer] of Object.entries(controls)) {
        expect(['EROFS', 'EACCES', 'EPERM', 'ENOENT'], path).toContain(answer);
      }
      expect(masked).toEqual({ '/proc/kcore': 0, '/proc/keys': 0, '/proc/timer_list': 0 });
      expect(firmware).toEqual([]);
      expect(['EPERM', 'EACCES']).toContain(mknod);
    });

    it('has the usual devices and no other', async (context) => {
      expect((await look(context)).devices.filter((name) => !USUAL_DEVICES.test(name))).toEqual([]);
    });

    it('has no network but loopback', async (context) => {
      const { interfaces, metadataService, bridge } = await look(context);
      expect(interfaces).toEqual(['lo']);
      expect([metadataService, bridge]).toEqual(['ENETUNREACH', 'ENETUNREACH']);
    });

    it('sees its own processes only, under the host name of the spec', async (context) => {
      const { pids, hostname, cwd } = await look(context);
      expect(pids.length).toBeLessThanOrEqual(2);
      expect({ hostname, cwd }).toEqual({ hostname: 'exam-host', cwd: '/workspace' });
    });

    it('gets the environment of the spec, and nothing of this process', async (context) => {
      const { env } = await look(context);
      expect(env).toMatchObject({ EXAM: 'yes', HOME: '/tmp' });
      const foreign = Object.keys(env).filter(
        (name) => !/^(EXAM|HOME|PATH|HOSTNAME|PWD|SHLVL|_|LANG|LC_CTYPE|container|TERM)$/.test(name),
      );
      expect(foreign).toEqual([]);
    });
  });
}

async function probe(exam: Exam): Promise<Seen> {
  const script = await readFile(new URL('./probe.py', import.meta.url), 'utf8');
  const { stdout, stderr, exit } = await exam.run(['python3', '-c', script]);
  if (exit.exitCode !== 0) throw new Error(`the probe ended with ${exit.exitCode}: ${stderr.toString()}`);
  return JSON.parse(stdout.toString('utf8'));
}
