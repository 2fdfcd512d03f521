import { randomBytes } from 'node:crypto';
import { access } from 'node:fs/promises';
import {
  type ContainerId,
  type ContainerRuntime,
  type ContainerSpec,
  type ContainerState,
  RuntimeError,
  type RuntimeInfo,
} from '../../core/container-runtime.ts';
import { interpret } from './interpret.ts';
import type { FakeEnd, FakeProgram } from './program.ts';
import { type RunningProgram, runProgram } from './run-program.ts';

export { type FakeStep, fakeArgs, interpret } from './interpret.ts';
export type { FakeEnd, FakeProcess, FakeProgram } from './program.ts';

export interface FakeRuntimeOptions {
  /** References that `ensureImage` and `create` know. */
  readonly images?: readonly string[];
  /** What every container runs; default: `fake` scripts and a few commands, see `interpret`. */
  readonly program?: FakeProgram;
  /** Parts of what `info()` answers. */
  readonly info?: Partial<RuntimeInfo>;
}

export type FakeVerb = 'info' | 'ensureImage' | 'create' | 'start' | 'kill' | 'remove' | 'inspect' | 'list';

/** A runtime in memory that isolates nothing, with levers for the faults of a real engine. */
export interface FakeRuntime extends ContainerRuntime {
  /** The next call of this verb rejects with this error and does nothing. Faults of one verb queue up. */
  failNext(verb: FakeVerb, error: RuntimeError): void;
  /** Every call rejects with `unavailable`, and what runs is lost. */
  goAway(): void;
  comeBack(): void;
  /** The specs of all containers that there are now, in the order of their creation. */
  specs(): readonly ContainerSpec[];
}

interface FakeContainer {
  readonly id: ContainerId;
  readonly spec: ContainerSpec;
  readonly createdAt: number;
  run: RunningProgram | undefined;
  end: FakeEnd | undefined;
}

const FAKE_INFO: RuntimeInfo = {
  name: 'fake',
  version: '0',
  apiVersion: '0',
  architecture: process.arch,
  kernelVersion: '0',
  rootless: false,
  cgroupVersion: 2,
  ociRuntimes: ['fake'],
  defaultOciRuntime: 'fake',
  capabilities: { cpu: true, memory: true, pids: true },
};

export function createFakeRuntime(options: FakeRuntimeOptions = {}): FakeRuntime {
  const { images = ['aa-worker:latest'], program = interpret } = options;
  const info: RuntimeInfo = { ...FAKE_INFO, ...options.info };
  const containers = new Map<ContainerId, FakeContainer>();
  const gate = createGate();
  const { enter } = gate;

  const known = (id: ContainerId): FakeContainer => {
    const container = containers.get(id);
    if (container === undefined) throw new RuntimeError('not_found', `No such container: ${id}`);
    return container;
  };

  const checkImage = (ref: string): void => {
    if (!images.includes(ref)) throw new RuntimeError('image_not_found', `No such image: ${ref}`);
  };

  return {
    name: 'fake',
    async info() {
      await enter('info');
      return info;
    },
    async ensureImage(ref) {
      await enter('ensureImage');
      checkImage(ref);
      return { id: `sha256:${Buffer.from(ref).toString('hex').padEnd(64, '0').slice(0, 64)}` };
    },
    async create(spec) {
      await enter('create');
      checkImage(spec.image);
      await checkSpec(spec, info);
      const id = randomBytes(32).toString('hex');
      containers.set(id, { id, spec, createdAt: Date.now(), run: undefined, end: undefined });
      return id;
    },
    async start(id, io) {
      await enter('start');
      const container = known(id);
      if (container.run !== undefined) throw new RuntimeError('conflict', `${id} was started before`);
      container.run = runProgram(program, container.spec, io, (end) => {
        container.end = end;
      });
      return { exited: container.run.exited };
    },
    async kill(id, signal) {
      await enter('kill');
      const container = containers.get(id);
      if (container?.end === undefined) container?.run?.signal(signal);
    },
    async remove(id) {
      await enter('remove');
      containers.get(id)?.run?.signal('SIGKILL');
      containers.delete(id);
    },
    async inspect(id) {
      await enter('inspect');
      const container = containers.get(id);
      return container === undefined ? undefined : toState(container);
    },
    async list({ labels }) {
      await enter('list');
      return [...containers.values()]
        .filter(({ spec }) => bears(spec.labels, labels))
        .map((container) => ({ ...toSummary(container), createdAt: container.createdAt }));
    },
    close: async () => gate.shut('the runtime was closed'),
    failNext: gate.failNext,
    goAway() {
      gate.shut('the fake engine is away');
      for (const { run, end } of containers.values()) if (end === undefined) run?.lose();
    },
    comeBack: gate.open,
    specs: () => [...containers.values()].map(({ spec }) => spec),
  };
}

/** What every call passes first: it may be shut, or a fault may wait there for the verb. */
function createGate() {
  const faults = new Map<FakeVerb, RuntimeError[]>();
  let shutBecause: string | undefined;
  return {
    async enter(verb: FakeVerb): Promise<void> {
      if (shutBecause !== undefined) throw new RuntimeError('unavailable', `${verb}: ${shutBecause}`);
      const fault = faults.get(verb)?.shift();
      if (fault !== undefined) throw fault;
    },
    failNext(verb: FakeVerb, error: RuntimeError): void {
      faults.set(verb, [...(faults.get(verb) ?? []), error]);
    },
    shut(because: string): void {
      shutBecause = because;
    },
    open(): void {
      shutBecause = undefined;
    },
  };
}

async function checkSpec(spec: ContainerSpec, info: RuntimeInfo): Promise<void> {
  if (spec.ociRuntime !== undefined && !info.ociRuntimes.includes(spec.ociRuntime)) {
    throw new RuntimeError('runtime_unknown', `Unknown runtime specified ${spec.ociRuntime}`);
  }
  for (const { source } of spec.mounts) {
    await access(source).catch((cause: unknown) => {
      throw new RuntimeError('mount_missing', `bind source path does not exist: ${source}`, { cause });
    });
  }
}

function bears(labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(
    ([name, value]) => Object.hasOwn(labels, name) && (value === '' || labels[name] === value),
  );
}

function toSummary({ id, spec, run, end }: FakeContainer): Pick<ContainerState, 'id' | 'status' | 'labels'> {
  const status = end !== undefined ? 'exited' : run !== undefined ? 'running' : 'created';
  return { id, status, labels: { ...spec.labels } };
}

function toState(container: FakeContainer): ContainerState {
  const { end } = container;
  return { ...toSummary(container), exitCode: end?.exitCode, oomKilled: end?.oomKilled ?? false };
}
