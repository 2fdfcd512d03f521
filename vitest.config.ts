import { defineConfig } from 'vitest/config';

/** `unit` needs nothing but Node; `engine` (`*.engine.test.ts`) needs a container engine and the worker image. */
// biome-ignore lint/style/noDefaultExport: vitest reads its configuration from the default export
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/**/*.engine.test.ts'],
          testTimeout: 20_000,
          // Most of them wait rather than compute, and by default a machine of two cores runs one file at a time.
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: 'engine',
          include: ['tests/**/*.engine.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // One file at a time: the files share one engine and measure it.
          fileParallelism: false,
        },
      },
    ],
  },
});
