import { describe } from 'vitest';
import { createPodmanRuntime } from '../../src/runtimes/podman/index.ts';
import { describeContainerRuntime } from '../contract/container-runtime.ts';
import { callEngine, isAnonymousVolume, PODMAN, titleFor } from '../support/engine.ts';
import { realPrograms } from '../support/real-programs.ts';

const image = process.env.AA_WORKER_IMAGE ?? 'aa-worker:latest';
const LIBPOD = '/v4.0.0/libpod';

interface EngineImage {
  readonly Labels?: Readonly<Record<string, string>> | null;
}
type EngineVolumes = readonly { readonly Name: string }[] | null;

describe.skipIf(PODMAN.obstacle !== undefined)(titleFor('Podman', PODMAN), () => {
  describeContainerRuntime('podman', async () => {
    const held = (await callEngine(PODMAN, 'GET', `${LIBPOD}/images/${image}/json`)) as EngineImage;
    return {
      runtime: createPodmanRuntime({ socketPath: PODMAN.socketPath }),
      image,
      imageLabels: held.Labels ?? {},
      isolates: true,
      programs: realPrograms,
      async leftovers() {
        const volumes = (await callEngine(PODMAN, 'GET', `${LIBPOD}/volumes/json`)) as EngineVolumes;
        return (volumes ?? []).map(({ Name }) => Name).filter(isAnonymousVolume);
      },
    };
  });
});
