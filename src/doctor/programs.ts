/**
 * What runs inside a container to see from there what the engine gave it. Each prints lines of a name and values, at once,
 * because a program that goes past a limit may end with the next step.
 */

const SAY = `
import os, sys, time

def say(name, *values):
    print(name, *values, flush=True)

def read(path):
    try:
        with open(path) as file: return file.read()
    except OSError: return ''
`;

/** Bytes that the program of bounds tries to take, and to put into `/tmp`. */
export const HOARD_BYTES = 384 * 1024 * 1024;
export const TMP_FILL_BYTES = 96 * 1024 * 1024;

/**
 * Tells who it is and what it may, fills `/tmp`, spins, and takes more memory than it has, at the end, because that ends it.
 *
 * It connects to an address that is kept for documentation, by UDP: without a network that fails at once, with one nothing is sent.
 *
 * Its share of a CPU is measured twice: by what the kernel says that it used, and by the gaps in which its clock went on without it,
 * because a kernel in between (gVisor's) accounts for time that it was denied.
 */
export const BOUNDS = `${SAY}
import errno, resource, socket
status = dict(line.split(':', 1) for line in read('/proc/self/status').splitlines() if ':' in line)
say('user', os.geteuid(), os.getegid())
say('capabilities', *(status.get('Cap' + name, '?').strip() for name in ('Inh', 'Prm', 'Eff', 'Bnd', 'Amb')))
say('new_privileges', status.get('NoNewPrivs', '?').strip())
say('seccomp', status.get('Seccomp', '?').strip())
mounts = [line.split() for line in read('/proc/self/mountinfo').splitlines()]
say('root_file_system', *[fields[5].split(',')[0] for fields in mounts if fields[4] == '/'][-1:])
for name in ('nofile', 'fsize', 'core'): say(name, resource.getrlimit(getattr(resource, 'RLIMIT_' + name.upper()))[1])
say('kernel', os.uname().release)
say('network', *(line.split(':')[0].strip() for line in read('/proc/net/dev').splitlines() if ':' in line))
try:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outside: outside.connect(('198.51.100.1', 9))
    say('connected', 'yes')
except OSError as error: say('connected', 'no', errno.errorcode.get(error.errno, '?'))
taken, block = 0, bytes(1 << 20)
try:
    with open('/tmp/fill', 'wb', buffering=0) as file:
        while taken < ${TMP_FILL_BYTES}: taken += file.write(block)
except OSError: pass
say('tmp', taken)
if os.path.exists('/tmp/fill'): os.unlink('/tmp/fill')
quota = read('/sys/fs/cgroup/cpu.max') or read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us')
say('quota', *quota.split()[:1])
begin = last = time.monotonic()
used, away = time.process_time(), 0
while last - begin < 0.8:
    now = time.monotonic()
    if now - last > 0.002: away += now - last
    last = now
say('cpu', min(time.process_time() - used, last - begin - away) / (last - begin))
hoard = bytearray(${HOARD_BYTES})
for page in range(0, len(hoard), 4096): hoard[page] = 1
say('memory', len(hoard))
`;

/** Processes that the program of forks tries to have. */
export const FORK_ATTEMPTS = 256;

/** Forks until it may not. In a container of its own: a sandbox that needs processes itself (gVisor's) ends at the limit. */
export const FORKS = `${SAY}
for count in range(${FORK_ATTEMPTS}):
    try:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
    except OSError:
        say('refused', count)
        break
    say('forked', count + 1)
os._exit(0)
`;

/** Asks each interpreter for its version. */
export const LANGUAGES = `
echo python $(python3 --version 2>&1)
echo node $(node --version 2>&1)
echo bun $(bun --version 2>&1)
echo bash $(bash --version 2>&1 | head -n 1)
`;

/**
 * Knocks at doors that a default seccomp profile or a mask may leave open. Each call is made with arguments that do nothing:
 * what counts is whether the kernel is reached. `open` lines name what is; `closed` what isn't.
 */
export const DOORS = `${SAY}
import ctypes, errno, glob, platform, socket
NUMBERS = {
    'x86_64': dict(io_uring=425, userfaultfd=323, keyctl=250, add_key=248, unshare=272, mount=165, bpf=321, perf_event_open=298, open_by_handle_at=304),
    'aarch64': dict(io_uring=425, userfaultfd=282, keyctl=219, add_key=217, unshare=97, mount=40, bpf=280, perf_event_open=241, open_by_handle_at=265),
}.get(platform.machine(), {})
libc = ctypes.CDLL(None, use_errno=True)
REFUSED = (errno.EPERM, errno.EACCES, errno.ENOSYS)

def knock(number, *arguments):
    ctypes.set_errno(0)
    return libc.syscall(number, *arguments) >= 0 or ctypes.get_errno() not in REFUSED

CLONE_NEWUSER = 0x10000000
CALLS = dict(io_uring=(0, 0), userfaultfd=(-1,), keyctl=(-1,), add_key=(0, 0, 0, 0, 0), mount=(0, 0, 0, 0, 0),
             bpf=(-1, 0, 0), perf_event_open=(0, 0, -1, -1, 0), open_by_handle_at=(-1, 0, 0))
for name, arguments in CALLS.items():
    if name in NUMBERS: say('open' if knock(NUMBERS[name], *arguments) else 'closed', name)
if 'unshare' in NUMBERS:
    child = os.fork()
    if child == 0: os._exit(0 if knock(NUMBERS['unshare'], CLONE_NEWUSER) else 1)
    say('open' if os.waitpid(child, 0)[1] == 0 else 'closed', 'user_namespaces')
for name, family in (('AF_ALG', 38), ('AF_VSOCK', 40)):
    try:
        socket.socket(family, socket.SOCK_SEQPACKET if family == 38 else socket.SOCK_STREAM).close()
        say('open', name)
    except OSError: say('closed', name)

def holds(path):
    try: return len(os.listdir(path)) > 0 if os.path.isdir(path) else len(open(path, 'rb').read(1)) > 0
    except OSError: return False

for path in ('/proc/acpi', '/proc/asound', '/proc/interrupts', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/sched_debug',
             '/proc/scsi', '/proc/timer_list', '/sys/firmware', '/sys/devices/virtual/powercap',
             *glob.glob('/sys/devices/system/cpu/cpu0/thermal_throttle')):
    say('open' if holds(path) else 'closed', path)
`;
