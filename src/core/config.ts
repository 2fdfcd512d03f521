import type { ApiKeySetting } from './api-keys.ts';
import { type Host, parseVariables, type Variables } from './config-variables.ts';
import type { LimitName } from './container-runtime.ts';
import { DEFAULT_POLICY, type LimitPolicy } from './limits.ts';

/** What the process was told, parsed once. Sizes in bytes, times in milliseconds. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** What artifact URLs start with, without a trailing `/`; absent: the origin by which the request came. */
  readonly publicUrl: string | undefined;
  readonly runtime: 'auto' | 'docker' | 'podman';
  readonly socketPath: string | undefined;
  readonly ociRuntime: string | undefined;
  /** Absolute. */
  readonly storagePath: string;
  readonly workerImage: string;
  /** Without any everybody who reaches the port may call; `generate`: the service makes one at its first start and keeps it. */
  readonly apiKeys: readonly ApiKeySetting[] | 'generate';
  /** Seconds for which an artifact's signed URL opens without a key. */
  readonly urlTtlSeconds: number;
  readonly allowedHosts: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly maxRunning: number;
  readonly maxQueued: number;
  readonly queueTimeoutMs: number;
  /** How long a streamed job goes on while nobody reads its stream. */
  readonly resumeGraceMs: number;
  readonly maxBodyBytes: number;
  readonly policy: LimitPolicy;
  readonly allowUnenforced: readonly LimitName[];
  readonly logLevel: string;
}

/** Every problem of a configuration at once; each line ends with the cure. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/**
 * Parses the environment. Throws {@link ConfigError} for a bad value, an unknown `AA_*` name (`AA_TEST_*` aside) and a
 * set-up that would not be safe. An empty value counts as unset.
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>, host: Host): Config {
  const { config, problems } = examineConfig(env, host);
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** As `parseConfig`, for who looks for what is wrong: what has a problem has its default, and every problem is told. */
export function examineConfig(
  env: Readonly<Record<string, string | undefined>>,
  host: Host,
): { readonly config: Config; readonly problems: readonly string[] } {
  const { values, problems } = parseVariables(env, host);
  return { config: toConfig(values, host), problems: [...problems, ...unsafe(values)] };
}

function toConfig(values: Variables, host: Host): Config {
  const keys = values.AA_API_KEYS ?? [];
  const policy: LimitPolicy = {
    timeoutMs: values.AA_MAX_TIMEOUT_MS ?? DEFAULT_POLICY.timeoutMs,
    memoryBytes: values.AA_MAX_MEMORY_BYTES ?? DEFAULT_POLICY.memoryBytes,
    // An engine refuses more than its machine has.
    cpus: Math.min(values.AA_MAX_CPUS ?? DEFAULT_POLICY.cpus, host.cores),
    pids: values.AA_MAX_PIDS ?? DEFAULT_POLICY.pids,
    outputBytes: values.AA_MAX_OUTPUT_BYTES ?? DEFAULT_POLICY.outputBytes,
    diskBytes: values.AA_MAX_DISK_BYTES ?? DEFAULT_POLICY.diskBytes,
  };
  return {
    host: values.HOST ?? '127.0.0.1',
    port: values.PORT ?? 8080,
    publicUrl: values.PUBLIC_URL,
    runtime: values.AA_RUNTIME ?? 'auto',
    socketPath: values.DOCKER_SOCKET_PATH,
    ociRuntime: values.AA_OCI_RUNTIME,
    storagePath: values.AA_STORAGE_PATH ?? `${host.home}/.aa-storage`,
    workerImage: values.AA_WORKER_IMAGE ?? 'aa-worker:latest',
    apiKeys: keys.length === 0 && values.AA_GENERATE_KEY === true ? 'generate' : keys,
    urlTtlSeconds: values.AA_URL_TTL ?? 86_400,
    allowedHosts: values.AA_ALLOWED_HOSTS ?? [],
    corsOrigins: values.AA_CORS_ORIGINS ?? [],
    maxRunning: values.AA_MAX_RUNNING ?? Math.max(4, 2 * host.cores),
    maxQueued: values.AA_MAX_QUEUED ?? 64,
    queueTimeoutMs: values.AA_QUEUE_TIMEOUT_MS ?? 30_000,
    resumeGraceMs: values.AA_RESUME_GRACE_MS ?? 15_000,
    maxBodyBytes: values.AA_MAX_BODY_BYTES ?? 32 * 1024 * 1024,
    policy,
    allowUnenforced: values.AA_ALLOW_UNENFORCED ?? [],
    logLevel: values.AA_LOG_LEVEL ?? 'info',
  };
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/** Whoever reaches the port may run code here, so without keys only this machine may reach it. */
function unsafe(values: Variables): string[] {
  const host = values.HOST ?? '127.0.0.1';
  const hasKeys = (values.AA_API_KEYS ?? []).length > 0 || values.AA_GENERATE_KEY === true;
  if (LOOPBACK.test(host) || hasKeys) return [];
  return [
    `HOST=${host} would let other machines run code here, and there are no keys: set AA_API_KEYS=name:key, or leave HOST at 127.0.0.1.`,
  ];
}
