import { existsSync, rmdirSync } from 'node:fs';
import { availableParallelism, homedir } from 'node:os';
import { type Config, examineConfig } from './core/config.ts';
import type { Finding } from './core/finding.ts';
import { newId } from './core/ids.ts';
import { silentLogger } from './core/logger.ts';
import { createSandboxes } from './core/sandboxes.ts';
import { examine } from './doctor/examine.ts';
import { probeLimits } from './doctor/probe-limits.ts';
import { toTable } from './doctor/to-table.ts';
import { readEnvFile } from './read-env-file.ts';
import { createRuntime, locateEngine } from './runtimes/index.ts';
import { openWorkspaces } from './storage/index.ts';

/**
 * `npm run doctor`: looks at this host as the service would use it, with the service's own settings, and says what is wrong.
 * Takes no lock, so that it works beside a running service. `--json`: for machines. Ends with 0, or 1 when a row fails.
 */
async function main(): Promise<number> {
  process.stderr.write('Measuring what this host enforces; that takes some seconds.\n');
  const { env, problems: unread } = readEnv();
  const host = { cores: availableParallelism(), home: homedir(), cwd: process.cwd() };
  const { config, problems } = examineConfig(env, host);
  const findings = [settingsRow([...unread, ...problems]), ...(await look(config, env))];
  const ok = findings.every(({ status }) => status !== 'fail');
  const json = process.argv.includes('--json');
  process.stdout.write(`${json ? JSON.stringify({ ok, findings }, null, 2) : toTable(findings)}\n`);
  return ok ? 0 : 1;
}

function readEnv(): { env: NodeJS.Dict<string>; problems: string[] } {
  try {
    return { env: { ...readEnvFile(), ...process.env }, problems: [] };
  } catch {
    const problem = '.env is there and can not be read: give it to the user that the service runs as.';
    return { env: process.env, problems: [problem] };
  }
}

function settingsRow(problems: readonly string[]): Finding {
  const row = { name: 'settings', how: 'the environment and .env' };
  if (problems.length === 0) return { ...row, status: 'ok', seen: 'all understood' };
  const seen = `${problems.length} not usable; the rest was looked at with their defaults`;
  return { ...row, status: 'fail', seen, cure: problems.join(' ') };
}

async function look(config: Config, env: NodeJS.Dict<string>): Promise<readonly Finding[]> {
  const root = config.storagePath;
  const places = {
    kind: config.runtime,
    ...(config.socketPath === undefined ? {} : { socketPath: config.socketPath }),
    env,
    platform: process.platform,
    home: homedir(),
    ...(process.getuid === undefined ? {} : { uid: process.getuid() }),
  };
  const runtime = createRuntime({ ...places, logger: silentLogger });
  const wasThere = existsSync(root);
  try {
    const probe = {
      runtime,
      // An id of its own: these containers are no service's, and any service removes them should this process die.
      sandboxes: createSandboxes({ runtime, instanceId: newId(), logger: silentLogger }),
      ...openWorkspaces({ root }),
      image: config.workerImage,
      ociRuntime: config.ociRuntime,
      logger: silentLogger,
    };
    const findings = await examine({
      ...probe,
      allowUnenforced: config.allowUnenforced,
      platform: process.platform,
      storagePath: root,
      storageLabel: root,
      measureLimits: (info) => probeLimits(probe, info),
      explain: wordsOf,
    });
    const at = await locateEngine(places).catch(() => undefined);
    return findings.map((row) => (row.name === 'engine' ? withPlace(row, at?.socketPath) : row));
  } finally {
    await runtime.close();
    if (!wasThere) removeEmpty(root);
  }
}

function withPlace(row: Finding, socketPath: string | undefined): Finding {
  return socketPath === undefined || row.status !== 'ok'
    ? row
    : { ...row, seen: `${row.seen}, at ${socketPath}` };
}

/** All that was said, the causes too: whoever runs this owns the host. */
function wordsOf(error: unknown): string {
  const words: string[] = [];
  for (let each = error; each instanceof Error; each = each.cause) words.push(each.message);
  // Many an error repeats its cause's words.
  return words.filter((word, at) => !words.slice(0, at).some((said) => said.includes(word))).join(' ');
}

/** What was made only to be looked at. */
function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Somebody uses it by now.
  }
}

process.exitCode = await main();
