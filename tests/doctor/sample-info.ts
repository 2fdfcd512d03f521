import type { RuntimeInfo } from '../../src/core/container-runtime.ts';

/** A good engine on a good host. */
export const INFO: RuntimeInfo = {
  name: 'docker',
  version: '29.5.0',
  apiVersion: '1.52',
  architecture: 'x86_64',
  kernelVersion: '6.12.0',
  rootless: false,
  cgroupVersion: 2,
  ociRuntimes: ['runc'],
  defaultOciRuntime: 'runc',
  capabilities: { cpu: true, memory: true, pids: true },
};
