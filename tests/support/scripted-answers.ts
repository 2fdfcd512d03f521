import type { ScriptedEngineOptions } from './scripted-engine.ts';

export const CONTAINER_ID = 'c'.repeat(64);

/** What a healthy engine's answers depend on. */
export interface AnswerState {
  readonly options: ScriptedEngineOptions;
  /** The container's, as the record tells it. */
  state: Record<string, unknown>;
}

export type HealthyAnswer = readonly [
  status: number,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
];

export function isPodman({ options }: AnswerState): boolean {
  return (options.components ?? []).includes('Podman Engine');
}

/** What a healthy engine answers to a route, waiting and attaching aside. */
export function healthyAnswer(world: AnswerState, route: string): HealthyAnswer {
  return (isPodman(world) ? podmanAnswer(world, route) : undefined) ?? dockerAnswer(world, route);
}

/** Where Podman's own routes answer otherwise than Docker's; `undefined` elsewhere. */
function podmanAnswer({ options }: AnswerState, route: string): HealthyAnswer | undefined {
  const version = options.libpodVersion ?? '5.2.0';
  switch (route) {
    case 'GET /libpod/_ping':
      return [200, 'OK', { 'Libpod-Api-Version': version }];
    case 'GET /info':
      return [
        200,
        {
          host: { ...HEALTHY_HOST, ...options.host },
          version: { Version: version, APIVersion: version },
        },
      ];
    case 'GET /images/*/json':
      return [200, { Id: 'a'.repeat(64) }];
    case 'DELETE /containers/*':
      return [200, [{ Id: CONTAINER_ID }]];
    default:
      return undefined;
  }
}

const HEALTHY_HOST = {
  arch: 'amd64',
  kernel: '6.1',
  cgroupVersion: 'v2',
  cgroupControllers: ['cpu', 'memory', 'pids'],
  ociRuntime: { name: 'crun' },
  security: { rootless: false },
};

function dockerAnswer(world: AnswerState, route: string): HealthyAnswer {
  switch (route) {
    case 'GET /version': {
      const Components = (world.options.components ?? ['Engine']).map((Name) => ({ Name }));
      return [200, { Version: '99.0', ApiVersion: '1.41', Arch: 'amd64', Components }];
    }
    case 'GET /info':
      return [200, HEALTHY_INFO];
    case 'GET /images/*/json':
      return [200, { Id: `sha256:${'a'.repeat(64)}`, Config: {} }];
    case 'GET /containers/json':
      return [200, []];
    case 'POST /containers/create':
      return [201, { Id: CONTAINER_ID, Warnings: world.options.warnings ?? [] }];
    case 'POST /containers/*/start':
      world.state = { ...world.state, Status: 'running', StartedAt: new Date().toISOString() };
      return [204];
    case 'GET /containers/*/json':
      return [200, { Id: CONTAINER_ID, State: world.state, Config: { Labels: {} } }];
    case 'POST /containers/*/kill':
    case 'DELETE /containers/*':
      return [204];
    default:
      return [404, { message: 'page not found' }];
  }
}

const HEALTHY_INFO = {
  Architecture: 'x86_64',
  KernelVersion: '6.1',
  CgroupVersion: '2',
  SecurityOptions: ['name=seccomp,profile=default', 'name=cgroupns'],
  Runtimes: { runc: {} },
  DefaultRuntime: 'runc',
  CpuCfsPeriod: true,
  CpuCfsQuota: true,
  MemoryLimit: true,
  SwapLimit: true,
  PidsLimit: true,
};
