import type { RuntimeInfo } from '../core/container-runtime.ts';
import type { Finding } from '../core/finding.ts';
import type { ProbeReport } from './run-probe.ts';

type Engine = 'docker' | 'podman';

/** The engine's version whose defaults close a door first; a door that isn't named is left open by every version. */
const CLOSED_BY: Readonly<Record<Engine, Readonly<Record<string, string>>>> = {
  docker: {
    io_uring: '25.0.0',
    AF_VSOCK: '23.0.0',
    AF_ALG: '29.4.3',
    '/sys/devices/virtual/powercap': '20.10.27, 23.0.8 or 24.0.7',
    '/proc/interrupts': '28.0.2',
    '/sys/devices/system/cpu/cpu0/thermal_throttle': '28.0.2',
  },
  podman: {
    AF_VSOCK: 'one of 2026, whose containers-common blocks it',
    '/sys/devices/virtual/powercap': '4.7.2',
    '/proc/interrupts': '5.5.0',
    '/sys/devices/system/cpu/cpu0/thermal_throttle': '5.5.0',
  },
};

/** What the engine's default seccomp profile and masks leave open, as a run that knocked at each door found it. */
export function readDoors(
  { stdout, exit }: ProbeReport,
  info: RuntimeInfo,
  ownKernel: boolean,
): readonly Finding[] {
  const doors = stdout
    .split('\n')
    .map((line) => line.split(' '))
    .flatMap(([state, name]) => (name !== undefined && state === 'open' ? [name] : []));
  const how = 'a run tried each with arguments that do nothing';
  if (exit.exitCode !== 0) {
    const cure = 'Use an image made from aa-worker:latest, whose python3 has ctypes.';
    return [{ name: 'seccomp_leaves_open', status: 'warn', seen: 'could not be tried', how, cure }];
  }
  if (ownKernel) {
    const seen = "the sandbox's own kernel answers, not the host's";
    return [{ name: 'seccomp_leaves_open', status: 'ok', seen, how }];
  }
  const engine = info.name === 'podman' ? 'podman' : 'docker';
  return [
    toRow(
      'seccomp_leaves_open',
      engine,
      doors.filter((name) => !name.startsWith('/')),
      how,
    ),
    toRow(
      'masks_leave_open',
      engine,
      doors.filter((name) => name.startsWith('/')),
      how,
    ),
  ];
}

function toRow(name: string, engine: Engine, open: readonly string[], how: string): Finding {
  if (open.length === 0) return { name, status: 'ok', seen: 'nothing of what is known', how };
  const title = engine === 'docker' ? 'Docker Engine' : 'Podman';
  const closed = open.flatMap((door) => {
    const version = CLOSED_BY[engine][door];
    return version === undefined ? [] : [`${door}: ${version}`];
  });
  const left = open.filter((door) => CLOSED_BY[engine][door] === undefined);
  const sentences = [
    ...(closed.length === 0
      ? []
      : [`${title} closes them by default from these versions on: ${closed.join('; ')}.`]),
    ...(left.length === 0
      ? []
      : [`No version that we know of closes ${left.join(', ')}: keep the kernel current.`]),
    'No capability comes with any of them; AA_OCI_RUNTIME=runsc puts another kernel in between.',
  ];
  return { name, status: 'warn', seen: open.join(', '), how, cure: sentences.join(' ') };
}
