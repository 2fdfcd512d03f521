import { createPodmanRuntime } from '../../src/runtimes/podman/index.ts';
import { describeContainerRuntime } from '../contract/container-runtime.ts';
import { askEngine } from '../support/ask-engine.ts';
import { realPrograms } from '../support/real-programs.ts';

const socketPath = process.env.AA_TEST_PODMAN_SOCKET ?? '/run/podman/podman.sock';
const image = process.env.AA_WORKER_IMAGE ?? 'aa-worker:latest';

interface EngineImage {
  readonly Labels?: Readonly<Record<string, string>> | null;
}

describeContainerRuntime('podman', async () => {
  const held = (await askEngine(socketPath, `/v4.0.0/libpod/images/${image}/json`)) as EngineImage;
  return {
    runtime: createPodmanRuntime({ socketPath }),
    image,
    imageLabels: held.Labels ?? {},
    isolates: true,
    programs: realPrograms,
    async leftovers() {
      const volumes = (await askEngine(socketPath, '/v4.0.0/libpod/volumes/json')) as
        | readonly { readonly Name: string }[]
        | null;
      return (volumes ?? []).map(({ Name }) => Name);
    },
  };
});
