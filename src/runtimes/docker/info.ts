import { RuntimeError, type RuntimeInfo } from '../../core/container-runtime.ts';
import type { Engine } from '../shared/engine.ts';
import { parseFields } from '../shared/fields.ts';

/** What the driver needs to know of an engine before it can ask it for a container. */
export interface EngineFacts {
  readonly info: RuntimeInfo;
  /** The engine can give a container a view of its own on the cgroups. */
  readonly cgroupNamespaces: boolean;
}

export async function readFacts(engine: Engine): Promise<EngineFacts> {
  const [versionAnswer, infoAnswer] = await Promise.all([
    engine.request({ what: 'version', method: 'GET', path: '/version' }),
    engine.request({ what: 'info', method: 'GET', path: '/info' }),
  ]);
  const version = parseFields(versionAnswer, 'version');
  refuseOtherEngines(version.list('Components').map((component) => component.text('Name') ?? ''));
  const info = parseFields(infoAnswer, 'info');
  const security = info.texts('SecurityOptions');
  // Engines before cgroup v2 support don't name a version.
  const cgroupVersion = info.text('CgroupVersion') === '2' ? 2 : 1;
  return {
    cgroupNamespaces: cgroupVersion === 2 || security.includes('name=cgroupns'),
    info: {
      name: 'docker',
      version: version.text('Version') ?? 'unknown',
      apiVersion: version.text('ApiVersion') ?? 'unknown',
      architecture: info.text('Architecture') ?? version.text('Arch') ?? 'unknown',
      kernelVersion: info.text('KernelVersion') ?? 'unknown',
      rootless: security.includes('name=rootless'),
      cgroupVersion,
      ociRuntimes: info.fields('Runtimes').keys(),
      defaultOciRuntime: info.text('DefaultRuntime') ?? 'runc',
      capabilities: {
        cpu: info.flag('CpuCfsQuota') && info.flag('CpuCfsPeriod'),
        // Memory without a swap limit is no limit: the program would grow into swap.
        memory: info.flag('MemoryLimit') && info.flag('SwapLimit'),
        pids: info.flag('PidsLimit'),
      },
    },
  };
}

function refuseOtherEngines(components: readonly string[]): void {
  if (!components.some((name) => /podman/i.test(name))) return;
  throw new RuntimeError(
    'wrong_engine',
    'Podman answers on this socket, and this driver is for Docker. Point DOCKER_SOCKET_PATH at the socket of a Docker engine.',
  );
}
