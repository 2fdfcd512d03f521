import { createFakeRuntime } from '../../src/runtimes/fake/index.ts';
import { describeContainerRuntime } from '../contract/container-runtime.ts';
import { fakePrograms } from '../support/fake-programs.ts';

describeContainerRuntime('fake', async () => ({
  runtime: createFakeRuntime(),
  image: 'aa-worker:latest',
  imageLabels: {},
  isolates: false,
  programs: fakePrograms,
  leftovers: async () => [],
}));
