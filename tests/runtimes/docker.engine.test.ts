import { createDockerRuntime } from '../../src/runtimes/docker/index.ts';
import { describeContainerRuntime } from '../contract/container-runtime.ts';
import { callEngine, DOCKER, isAnonymousVolume } from '../support/engine.ts';
import { realPrograms } from '../support/real-programs.ts';

const { socketPath } = DOCKER;
const image = process.env.AA_WORKER_IMAGE ?? 'aa-worker:latest';

interface EngineImage {
  readonly Config?: { readonly Labels?: Readonly<Record<string, string>> | null };
}
interface EngineVolumes {
  readonly Volumes: readonly { readonly Name: string }[] | null;
}

describeContainerRuntime('docker', async () => {
  const held = (await callEngine(DOCKER, 'GET', `/images/${image}/json`)) as EngineImage;
  return {
    runtime: createDockerRuntime({ socketPath }),
    image,
    imageLabels: held.Config?.Labels ?? {},
    isolates: true,
    programs: realPrograms,
    async leftovers() {
      const { Volumes } = (await callEngine(DOCKER, 'GET', '/volumes')) as EngineVolumes;
      return (Volumes ?? []).map(({ Name }) => Name).filter(isAnonymousVolume);
    },
  };
});
