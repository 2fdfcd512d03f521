"""Prints as JSON what a program finds around itself. Run inside a container by the exam."""
import errno, json, os, resource, socket, threading, time


def read(path):
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return None


def first(*paths):
    return next((text for text in map(read, paths) if text is not None), None)


def attempt(action):
    try:
        action()
        return "allowed"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))


def write(path, size=1):
    def action():
        with open(path, "wb") as file:
            file.write(b"x" * size)
        os.unlink(path)
    return action


def run_script_in_tmp():
    path = "/tmp/script"
    with open(path, "w") as file:
        file.write("#!/bin/sh\nexit 0\n")
    os.chmod(path, 0o755)
    code = os.spawnv(os.P_WAIT, path, [path])
    os.unlink(path)
    if code != 0:
        raise OSError(errno.EACCES, "not executed")


def fill_tmp():
    written = 0
    try:
        with open("/tmp/full", "wb", buffering=0) as file:
            while written < 1 << 28:
                written += file.write(b"\0" * (1 << 20))
    except OSError:
        pass
    os.unlink("/tmp/full")
    return written


def fill_inodes():
    made = 0
    try:
        while made < 10000:
            os.close(os.open("/tmp/i%d" % made, os.O_CREAT | os.O_WRONLY))
            made += 1
    except OSError:
        pass
    for i in range(made):
        os.unlink("/tmp/i%d" % i)
    return made


def most_tasks():
    stop, started = threading.Event(), 0
    try:
        while started < 500:
            threading.Thread(target=stop.wait, daemon=True).start()
            started += 1
    except RuntimeError:
        pass
    stop.set()
    return started


def cpu_share(seconds):
    wall, used = time.monotonic(), time.process_time()
    while time.monotonic() - wall < seconds:
        pass
    return (time.process_time() - used) / (time.monotonic() - wall)


def connect(address):
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(2)
    try:
        sock.connect(address)
    finally:
        sock.close()


status = dict(line.split(":", 1) for line in read("/proc/self/status").splitlines() if ":" in line)
limits = {name: resource.getrlimit(getattr(resource, "RLIMIT_" + name.upper())) for name in ("nofile", "core", "fsize")}
result = {
    "uid": os.getresuid(),
    "gid": os.getresgid(),
    "groups": sorted(set(os.getgroups()) - {os.getgid()}),
    "caps": {name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")},
    "noNewPrivs": int(status["NoNewPrivs"]),
    "seccomp": int(status["Seccomp"]),
    "env": dict(os.environ),
    "cwd": os.getcwd(),
    "hostname": socket.gethostname(),
    "interfaces": sorted(name for _, name in socket.if_nameindex()),
    "devices": sorted(os.listdir("/dev")),
    "mounts": [line.split(" ")[4:6] for line in read("/proc/self/mountinfo").splitlines()],
    "pids": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
    "rlimits": limits,
    "memory": first("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"),
    "swap": first("/sys/fs/cgroup/memory.swap.max"),
    "memoryAndSwap": first("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"),
    "tasks": first("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"),
    "cpu": first("/sys/fs/cgroup/cpu.max")
    or "%s %s" % (read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), read("/sys/fs/cgroup/cpu/cpu.cfs_period_us")),
    "writes": {path: attempt(write(path)) for path in (
        "/x", "/etc/x", "/var/x", "/usr/x", "/root/x", "/sys/x", "/sys/fs/cgroup/x", "/workspace/x", "/tmp/x",
    )},
    "controls": {path: attempt(lambda path=path: os.close(os.open(path, os.O_WRONLY))) for path in (
        "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/irq/default_smp_affinity",
    )},
    "masked": {path: len(read(path) or "") for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list")},
    "firmware": os.listdir("/sys/firmware"),
    "mknod": attempt(lambda: os.mknod("/tmp/device", 0o600 | 0o060000, os.makedev(8, 0))),
    "fsize": attempt(write("/workspace/big", limits["fsize"][0] + 1)),
    "tmpExec": attempt(run_script_in_tmp),
    "tmpBytes": fill_tmp(),
    "tmpInodes": fill_inodes(),
    "metadataService": attempt(lambda: connect(("169.254.169.254", 80))),
    "bridge": attempt(lambda: connect(("172.17.0.1", 80))),
    "threads": most_tasks(),
    "cpuShare": cpu_share(2),
}
print(json.dumps(result))
