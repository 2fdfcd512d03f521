import type { LimitName, RuntimeInfo } from '../core/container-runtime.ts';
import { limitCure } from '../core/engine-gate.ts';
import type { Finding } from '../core/finding.ts';

/** What a set-up is judged by beside the engine's own word. */
export interface SetUp {
  readonly info: RuntimeInfo;
  readonly ociRuntime: string | undefined;
  readonly allowUnenforced: readonly LimitName[];
  /** How the storage folder is called in what is said. */
  readonly storageLabel: string;
}

/** What the engine says of itself, and set-ups that are known to go wrong, each with its cure. */
export function checkSetUp(setUp: SetUp): readonly Finding[] {
  const { info } = setUp;
  const mode = info.rootless ? 'rootless' : 'rootful';
  const facts = [
    `API ${info.apiVersion}`,
    mode,
    `cgroup v${info.cgroupVersion}`,
    `kernel ${info.kernelVersion}`,
  ];
  return [
    {
      name: 'engine',
      status: 'ok',
      seen: `${info.name} ${info.version}, ${facts.join(', ')}`,
      how: 'the engine told it',
    },
    checkOciRuntime(setUp),
    ...checkDelegation(setUp),
    ...checkUsers(info),
    ...checkLabels(setUp),
  ];
}

function checkOciRuntime({ info, ociRuntime }: SetUp): Finding {
  const { ociRuntimes, defaultOciRuntime } = info;
  const row = { name: 'oci_runtime', how: "the engine's list of runtimes" };
  if (ociRuntime === undefined)
    return { ...row, status: 'ok', seen: `${defaultOciRuntime}, the engine's default` };
  const asked = `AA_OCI_RUNTIME=${ociRuntime}`;
  if (ociRuntimes.includes(ociRuntime)) return { ...row, status: 'ok', asked, seen: ociRuntime };
  const cure =
    info.name === 'podman'
      ? `Set runtime = "${ociRuntime}" under [engine] in the containers.conf of Podman's service and start that again, or unset AA_OCI_RUNTIME.`
      : `Register it ("runtimes": {"${ociRuntime}": {"path": "/usr/bin/${ociRuntime}"}} in /etc/docker/daemon.json, then \`systemctl reload docker\`), or unset AA_OCI_RUNTIME.`;
  return { ...row, status: 'fail', asked, seen: ociRuntimes.join(', '), cure };
}

function checkDelegation({ info, allowUnenforced }: SetUp): readonly Finding[] {
  const names: readonly LimitName[] = ['cpu', 'memory', 'pids'];
  const lacking = names.filter((name) => !info.capabilities[name]);
  const row = {
    name: 'cgroup_controllers',
    asked: names.join(', '),
    how: 'the engine told which limits it can set',
  };
  if (lacking.length === 0) return [{ ...row, status: 'ok', seen: names.join(', ') }];
  const allowed = lacking.every((name) => allowUnenforced.includes(name));
  const cure = limitCure(info);
  return [
    {
      ...row,
      status: allowed ? 'warn' : 'fail',
      seen: `not ${lacking.join(', ')}`,
      cure: `${cure.charAt(0).toUpperCase()}${cure.slice(1)}.`,
    },
  ];
}

/** Where a container's ids aren't the host's, `runner` owns no job folder. */
function checkUsers({ name, remapsUsers, rootless }: RuntimeInfo): readonly Finding[] {
  if (name !== 'docker' || (remapsUsers !== true && !rootless)) return [];
  const seen = rootless ? 'rootless Docker' : 'userns-remap';
  const cure = rootless
    ? 'Use rootless Podman instead, which gives job folders the right owner: AA_RUNTIME=podman.'
    : 'Remove "userns-remap" from /etc/docker/daemon.json and restart Docker, or use rootless Podman.';
  const asked = "a container's ids are the host's";
  return [{ name: 'user_ids', status: 'fail', asked, seen, how: 'the engine told it', cure }];
}

function checkLabels({ info, storageLabel }: SetUp): readonly Finding[] {
  if (info.selinux !== true) return [];
  return [
    {
      name: 'selinux',
      status: 'warn',
      asked: `container_file_t on ${storageLabel}`,
      seen: 'SELinux is on in the engine',
      how: 'the engine told it; the row `storage` says whether a run may use the folder',
      cure: `Where that row fails: \`semanage fcontext -a -t container_file_t '${storageLabel}(/.*)?' && restorecon -R ${storageLabel}\`, or for now \`chcon -R -t container_file_t ${storageLabel}\`.`,
    },
  ];
}
