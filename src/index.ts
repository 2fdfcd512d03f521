import { availableParallelism, homedir } from 'node:os';
import { pino } from 'pino';
import type { ApiKeySetting } from './core/api-keys.ts';
import { type Config, parseConfig } from './core/config.ts';
import { createToolRegistry } from './core/tool-registry.ts';
import { createMetrics } from './metrics/index.ts';
import { readEnvFile } from './read-env-file.ts';
import { createRuntime } from './runtimes/index.ts';
import { startService } from './service.ts';
import { createStorage, type Storage } from './storage/index.ts';
import { codeExecution } from './tools/code-execution.ts';

/** Under the ten seconds that compose gives a container to stop. */
const DRAIN_MS = 5000;

async function main(): Promise<void> {
  const env = { ...readEnvFile(), ...process.env };
  const config = parseConfig(env, { cores: availableParallelism(), home: homedir(), cwd: process.cwd() });
  const logger = pino({ level: config.logLevel });

  const toolRegistry = createToolRegistry();
  toolRegistry.register(codeExecution);

  const storage = await createStorage({ root: config.storagePath });
  const apiKeys = await chooseKeys(config, storage);
  const runtime = createRuntime({
    kind: config.runtime,
    ...(config.socketPath === undefined ? {} : { socketPath: config.socketPath }),
    env,
    platform: process.platform,
    home: homedir(),
    ...(process.getuid === undefined ? {} : { uid: process.getuid() }),
    logger,
  });
  const { serve } =
    'Bun' in globalThis ? await import('./adapters/bun.ts') : await import('./adapters/node.ts');
  const service = await startService({
    config: { ...config, apiKeys },
    toolRegistry,
    runtime,
    ...storage,
    logger,
    metrics: createMetrics(),
    serve,
  });
  logger.info({ url: service.url, storage: config.storagePath }, 'listening');
  // One job's forgotten promise must not end the others.
  process.on('unhandledRejection', (err) => logger.error({ err }, 'a rejection that nobody handled'));
  stopOnSignal(async (drainMs) => {
    await service.close(drainMs);
    await storage.close();
  });
}

/** The operator's keys, or the service's own, which is told at the start that makes it and never again. */
async function chooseKeys(config: Config, storage: Storage): Promise<readonly ApiKeySetting[]> {
  if (config.apiKeys !== 'generate') return config.apiKeys;
  const { key, path, isNew } = await storage.ownKey();
  // Not by the logger: whatever AA_LOG_LEVEL says, this is shown, and it must not be one of the log's fields.
  if (isNew)
    console.error(
      `An API key was made, shown this once and kept in ${path}. Callers send: Authorization: Bearer ${key}`,
    );
  return [{ name: 'default', key }];
}

/** The first SIGTERM or SIGINT drains; a second one cancels what still runs. Both end with 0 and no container left. */
function stopOnSignal(close: (drainMs: number) => Promise<void>): void {
  let asked = 0;
  const stop = (): void => {
    asked += 1;
    if (asked > 2) return;
    close(asked === 1 ? DRAIN_MS : 0).then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/** What stops the start is told in its own sentence; where it happened only helps who debugs. */
function fail(error: unknown): never {
  const debugging = process.env.AA_LOG_LEVEL === 'debug' || !(error instanceof Error);
  console.error(debugging ? error : error.message);
  process.exit(1);
}

main().catch(fail);
