import { beforeAll, describe, expect, it } from 'vitest';
import { execute, type SubjectGetter, stdoutOf } from './subject.ts';

/** Looks around from within and tells what it sees as JSON. */
const LOOK = `import json, os, resource, socket
def read(path):
    try: return open(path).read().strip()
    except OSError as error: return error.strerror
def attempt(action):
    try: action(); return "done"
    except OSError as error: return error.strerror
def connect(host, port):
    s = socket.socket(); s.settimeout(3); s.connect((host, port))
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
seen = {
  "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(), "cwd": os.getcwd(), "hostname": socket.gethostname(),
  "status": {key: value.strip() for key, value in status.items() if key.startswith("Cap") or key in ("NoNewPrivs", "Seccomp")},
  "root": attempt(lambda: open("/probe", "w")), "etc": attempt(lambda: open("/etc/probe", "w")),
  "tmp": attempt(lambda: open("/tmp/probe", "w").write("x")), "workspace": attempt(lambda: open("/workspace/probe", "w").write("x")),
  "devices": sorted(line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line),
  "metadata": attempt(lambda: connect("169.254.169.254", 80)), "bridge": attempt(lambda: connect("172.17.0.1", 22)),
  "dns": attempt(lambda: socket.getaddrinfo("example.com", 80)),
  "memory": read("/sys/fs/cgroup/memory.max"), "swap": read("/sys/fs/cgroup/memory.swap.max"),
  "pids": read("/sys/fs/cgroup/pids.max"), "cpu": read("/sys/fs/cgroup/cpu.max"),
  "memory1": read("/sys/fs/cgroup/memory/memory.limit_in_bytes"), "pids1": read("/sys/fs/cgroup/pids/pids.max"),
  "quota1": read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), "cgroup2": os.path.exists("/sys/fs/cgroup/cgroup.controllers"),
  "env": dict(os.environ), "core": resource.getrlimit(resource.RLIMIT_CORE), "nofile": resource.getrlimit(resource.RLIMIT_NOFILE),
  "tmpBytes": os.statvfs("/tmp").f_blocks * os.statvfs("/tmp").f_frsize,
  "processes": sum(name.isdigit() for name in os.listdir("/proc")),
  "stray": [name for name in os.listdir("/workspace")], "sockets": [path for path in ("/var/run/docker.sock", "/run/docker.sock") if os.path.exists(path)],
  "device": sorted(os.listdir("/dev")),
}
print(json.dumps(seen))`;

type Seen = Readonly<Record<string, unknown>> & {
  status: Record<string, string>;
  env: Record<string, string>;
};

export function describeInside(subject: SubjectGetter): void {
  describe('seen from inside', () => {
    let seen: Seen;

    beforeAll(async () => {
      const answer = await execute(subject(), { language: 'python', code: LOOK, env: { MINE: 'yes' } });
      seen = JSON.parse(await stdoutOf(subject(), answer)) as Seen;
    });

    it('an ordinary user without groups, not root', () => {
      expect(seen).toMatchObject({ uid: 10_001, gid: 10_001, cwd: '/workspace', hostname: 'sandbox' });
      expect([[], [10_001]]).toContainEqual(seen.groups);
    });

    it('no capability, no way to new privileges, system calls filtered', () => {
      const none = '0000000000000000';
      expect(seen.status).toEqual({
        CapInh: none,
        CapPrm: none,
        CapEff: none,
        CapBnd: none,
        CapAmb: none,
        NoNewPrivs: '1',
        Seccomp: '2',
      });
    });

    it('only /workspace and /tmp can be written', () => {
      expect(seen).toMatchObject({ tmp: 'done', workspace: 'done' });
      expect(seen.root).toMatch(/Read-only file system/);
      expect(seen.etc).toMatch(/Read-only file system|Permission denied/);
      expect(seen.tmpBytes).toBe(64 * 1024 * 1024);
    });

    it('no network but loopback', () => {
      expect(seen.devices).toEqual(['lo']);
      expect(seen.metadata).toMatch(/unreachable/i);
      expect(seen.bridge).toMatch(/unreachable/i);
      expect(seen.dns).not.toBe('done');
    });

    it('512 MiB without swap, 128 processes, half a CPU', () => {
      if (seen.cgroup2 === true) {
        expect(seen).toMatchObject({ memory: '536870912', swap: '0', pids: '128', cpu: '50000 100000' });
      } else {
        expect(seen).toMatchObject({ memory1: '536870912', pids1: '128', quota1: '50000' });
      }
    });

    it('no core files, bounded open files, only its own processes', () => {
      expect(seen).toMatchObject({ core: [0, 0], nofile: [4096, 4096] });
      expect(seen.processes).toBeLessThanOrEqual(3);
    });

    it('the environment is ours and what was sent, nothing of the host', () => {
      expect(seen.env).toMatchObject({ HOME: '/tmp', TMPDIR: '/tmp', LANG: 'C.UTF-8', MINE: 'yes' });
      const secrets = /^(AWS_|S3_|DOCKER_|AA_|HOST$|PUBLIC_URL|.*_PROXY$|NODE_|npm_)/i;
      expect(Object.keys(seen.env).filter((name) => secrets.test(name))).toEqual([]);
    });

    it('the workspace begins with the source file alone, and no engine socket or host device is there', () => {
      expect(seen.stray).toEqual(expect.arrayContaining(['script.py']));
      expect((seen.stray as string[]).filter((name) => name !== 'probe')).toEqual(['script.py']);
      expect(seen.sockets).toEqual([]);
      const known = /^(core|fd|full|mqueue|null|ptmx|pts|random|shm|std(in|out|err)|tty|urandom|zero)$/;
      expect((seen.device as string[]).filter((name) => !known.test(name))).toEqual([]);
    });

    it('caches of the languages go to /tmp, so that nothing of them is an artifact', async () => {
      const module = { path: 'helper.py', content: 'value = 1' };
      const [python, bun] = await Promise.all([
        execute(subject(), { language: 'python', code: 'import helper, json, sqlite3', files: [module] }),
        execute(subject(), {
          language: 'bun',
          code: `import { x } from './m.ts';\nconsole.log(x);\nawait import('left-pad').catch(() => {});`,
          files: [{ path: 'm.ts', content: 'export const x: number = 1;' }],
        }),
      ]);
      for (const answer of [python, bun]) {
        expect(answer.exitCode).toBe(0);
        expect(Object.keys(answer.artifacts.outputs).sort()).toEqual(['stderr', 'stdout']);
        expect(answer.skipped).toEqual([]);
      }
    });
  });
}
