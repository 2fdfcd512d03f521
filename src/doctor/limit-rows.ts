import { type Limits, NOFILE_LIMIT, TMP_BYTES } from '../core/limits.ts';
import type { MeasuredLimit } from './measured-limit.ts';
import { FORK_ATTEMPTS, HOARD_BYTES, TMP_FILL_BYTES } from './programs.ts';
import type { ProbeReport } from './run-probe.ts';

/** What was asked of the containers that measured. */
export interface AskedLimits {
  readonly limits: Limits;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly ociRuntime: string | undefined;
  /** Of the engine's host. */
  readonly kernelVersion: string;
}

type Read = (name: string) => readonly string[] | undefined;

/** Rows of the run that goes past memory, CPU and `/tmp`. What was not reported does not bite. */
export function readBounds(report: ProbeReport, asked: AskedLimits): readonly MeasuredLimit[] {
  const read = parseReport(report.stdout);
  const kernel = read('kernel')?.[0] ?? '';
  return [
    memoryRow(report, read, asked.limits),
    cpuRow(read, asked.limits),
    networkRow(read),
    tmpRow(read),
    ...numberRows(read, asked.limits),
    ...identityRows(read, asked.user, kernel !== '' && kernel !== asked.kernelVersion),
    ...kernelRows(kernel, asked),
  ];
}

/** A line is a name and values; the last one of a name counts. */
export function parseReport(stdout: string): Read {
  const lines = stdout.split('\n').map((line) => line.split(' ').filter((word) => word !== ''));
  return (name) => lines.findLast(([first]) => first === name)?.slice(1);
}

const MIB = 1024 * 1024;
const SIGKILL_EXIT_CODE = 137;
const mib = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;

/** Follows a limit that no job of the service is asked to keep. */
const OWN = "(the probe's own)";

/**
 * An engine may fail to tell that the memory was too much (Podman 4, to a service in a container); a program that was killed at
 * taking it was killed by the kernel all the same, because nobody else does.
 */
function memoryRow({ exit }: ProbeReport, read: Read, { memoryBytes }: Limits): MeasuredLimit {
  const taken = Number(read('memory')?.[0] ?? 0);
  const reached = read('cpu') !== undefined;
  const killed = exit.oomKilled || (exit.exitCode === SIGKILL_EXIT_CODE && reached && taken === 0);
  const other = taken > 0 ? `took ${mib(taken)}` : `ended with ${exit.exitCode} before it had taken any`;
  return {
    name: 'memory',
    asked: `${mib(memoryBytes)}, no swap ${OWN}`,
    seen: killed ? `killed on the way to ${mib(HOARD_BYTES)}` : other,
    how: `a run touched ${mib(HOARD_BYTES)}; the engine's record, or a kill at that point, tells that the kernel ended it`,
    bites: killed,
  };
}

/** Twice what was asked: on a machine under load nothing measures better. */
const CPU_TOLERANCE = 2;

function cpuRow(read: Read, { cpus }: Limits): MeasuredLimit {
  const share = Number(read('cpu')?.[0] ?? Number.NaN);
  const quota = read('quota')?.[0];
  // Where the run sees its own cgroup and that has no quota, a small share only says that the machine is busy.
  const unlimited = quota === 'max' || quota === '-1';
  return {
    name: 'cpu',
    asked: `${cpus} of a CPU ${OWN}`,
    seen: Number.isNaN(share) ? 'nothing' : `${share.toFixed(2)} of a CPU${unlimited ? ', no quota' : ''}`,
    how: 'a run spun for 0.8 s and measured what it got',
    bites: !unlimited && share < cpus * CPU_TOLERANCE,
  };
}

/** @param forks the run that forks */
export function readForks(forks: ProbeReport, { limits: { pids } }: AskedLimits): MeasuredLimit {
  const read = parseReport(forks.stdout);
  const forked = Number(read('forked')?.[0] ?? 0);
  const refused = read('refused') !== undefined;
  const ended = forks.exit.exitCode !== 0;
  const by = refused
    ? `refused after ${forked}`
    : ended
      ? `the sandbox ended after ${forked}`
      : `had ${forked}`;
  return {
    name: 'pids',
    asked: `${pids} processes`,
    seen: by,
    how: `a run forked ${FORK_ATTEMPTS} times, or until it could not`,
    bites: forked > 0 && forked <= pids && (refused || ended),
  };
}

function networkRow(read: Read): MeasuredLimit {
  const devices = read('network') ?? [];
  const [connected, reason] = read('connected') ?? [];
  const attempt = connected === 'no' ? `connecting failed with ${reason}` : 'connecting worked';
  return {
    name: 'network',
    asked: 'none but loopback',
    seen: [devices.join(', ') || 'nothing', ...(connected === undefined ? [] : [attempt])].join('; '),
    how: 'a run listed its network devices and tried to connect to an address outside',
    bites: devices.join() === 'lo' && connected === 'no',
  };
}

function tmpRow(read: Read): MeasuredLimit {
  const taken = Number(read('tmp')?.[0] ?? 0);
  return {
    name: 'tmp',
    asked: mib(TMP_BYTES),
    seen: taken === 0 ? 'nothing could be written' : `${mib(taken)} went in`,
    how: `a run wrote up to ${mib(TMP_FILL_BYTES)} into /tmp`,
    bites: taken > 0 && taken <= TMP_BYTES,
  };
}

function numberRows(read: Read, { diskBytes }: Limits): readonly MeasuredLimit[] {
  const row = (
    name: string,
    rlimit: string,
    most: number,
    say: (value: number) => string = String,
  ): MeasuredLimit => {
    const seen = read(rlimit)?.[0];
    const value = Number(seen ?? Number.NaN);
    return {
      name,
      asked: say(most),
      seen: seen === undefined ? 'nothing' : value < 0 ? 'no limit' : say(value),
      how: "a run read its own rlimit's hard bound",
      bites: value >= 0 && value <= most,
    };
  };
  return [
    row('open_files', 'nofile', NOFILE_LIMIT),
    row('file_size', 'fsize', 2 * diskBytes, mib),
    row('core_files', 'core', 0, mib),
  ];
}

const UNTOLD: Readonly<Record<string, string>> = {
  '': 'nothing',
  '?': 'nothing, the kernel does not tell it',
};

/** @param ownKernel between run and host stands another kernel, which shows neither filter nor flag of the host's */
function identityRows(
  read: Read,
  { uid, gid }: AskedLimits['user'],
  ownKernel: boolean,
): readonly MeasuredLimit[] {
  const row = (name: string, asked: string, good: RegExp, hidden?: RegExp): MeasuredLimit => {
    const seen = read(name)?.join(' ') ?? '';
    const unknown = ownKernel && hidden?.test(seen) === true;
    const bites = good.test(seen);
    return {
      name,
      asked,
      seen: bites ? asked : (UNTOLD[seen] ?? `${seen}, in the kernel's figures`),
      how: 'a run read its own /proc/self',
      ...(unknown ? {} : { bites }),
    };
  };
  return [
    row('user', `uid ${uid}, gid ${gid}`, new RegExp(`^${uid} ${gid}$`)),
    // Inherited, permitted, effective, bounding and ambient ones; an older kernel tells no ambient ones.
    row('capabilities', 'no capability', /^0+ 0+ 0+ 0+ (0+|\?)$/),
    row('new_privileges', 'no new privileges', /^1$/, /^\?$/),
    row('seccomp', "the engine's filter", /^2$/, /^[0?]$/),
    row('root_file_system', 'read-only', /^ro$/),
  ];
}

/** Whether an OCI runtime that brings a kernel is what ran; nothing for one that uses the host's. */
function kernelRows(kernel: string, { ociRuntime, kernelVersion }: AskedLimits): readonly MeasuredLimit[] {
  if (ociRuntime === undefined || !/runsc|gvisor|kata/i.test(ociRuntime)) return [];
  return [
    {
      name: 'own_kernel',
      asked: `${ociRuntime}'s, not the host's ${kernelVersion}`,
      seen: kernel === '' ? 'nothing' : kernel,
      how: 'a run asked for the version of its kernel',
      bites: kernel !== '' && kernel !== kernelVersion,
    },
  ];
}
