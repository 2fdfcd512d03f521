import type { RuntimeInfo } from '../../core/container-runtime.ts';
import type { Engine } from '../shared/engine.ts';
import { type Fields, parseFields } from '../shared/fields.ts';

/** What the driver needs to know of an engine before it can ask it for a container. */
export interface PodmanFacts {
  readonly info: RuntimeInfo;
  /** The engine's record tells an OOM kill. Before Podman 5 its monitor left the mark where the service looks in vain. */
  readonly tellsOomKills: boolean;
}

export async function readFacts(engine: Engine): Promise<PodmanFacts> {
  const answer = parseFields(await engine.request({ what: 'info', method: 'GET', path: '/info' }), 'info');
  const [host, version] = [answer.fields('host'), answer.fields('version')];
  const apiVersion = version.text('APIVersion') ?? 'unknown';
  const runtime = host.fields('ociRuntime').text('name') ?? 'unknown';
  const rootless = host.fields('security').flag('rootless');
  const cgroupVersion = host.text('cgroupVersion') === 'v2' ? 2 : 1;
  return {
    tellsOomKills: Number.parseInt(apiVersion, 10) >= 5,
    info: {
      name: 'podman',
      version: version.text('Version') ?? 'unknown',
      apiVersion,
      architecture: host.text('arch') ?? 'unknown',
      kernelVersion: host.text('kernel') ?? 'unknown',
      rootless,
      cgroupVersion,
      // The interface has no way to choose another one than the engine's own configuration does.
      ociRuntimes: [runtime],
      defaultOciRuntime: runtime,
      capabilities: toCapabilities(host, rootless && cgroupVersion === 1),
    },
  };
}

/** A rootless engine sets the limits whose controllers are delegated to its user; under cgroup v1 none is. */
function toCapabilities(host: Fields, powerless: boolean): RuntimeInfo['capabilities'] {
  const controllers = host.texts('cgroupControllers');
  const has = (name: string): boolean => !powerless && controllers.includes(name);
  return { cpu: has('cpu'), memory: has('memory'), pids: has('pids') };
}
