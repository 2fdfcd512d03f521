import { createMemoryStore } from '../../src/storage/memory/index.ts';
import { describeArtifactStore } from '../contract/artifact-store.ts';

describeArtifactStore('memory', async () => ({
  store: createMemoryStore(),
  leftovers: async () => [],
  dispose: async () => {},
}));
