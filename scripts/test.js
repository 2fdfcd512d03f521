import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSituation } from './lib/consent.js';
import { prepareContainerBuild } from './lib/container-build.js';
import { toExamTables } from './lib/exam-tables.js';
import { cacheFolder, ROOT } from './lib/project.js';
import { runVisibly } from './lib/run-visibly.js';
import { say } from './lib/say.js';
import { setUp } from './lib/set-up.js';
import { runMain } from './lib/setup-error.js';
import { groupSkipped, toSkipLines } from './lib/skipped-tests.js';
import { ensureComposePrograms } from './lib/test-compose.js';
import { ensureTestGvisor } from './lib/test-gvisor.js';
import { ensureTestPodman } from './lib/test-podman.js';
import { concludeTests, countTests } from './lib/test-totals.js';

/** @typedef {import('./lib/test-totals.js').TestReport} TestReport */
/** @typedef {import('./lib/exam-tables.js').ExamReport} ExamReport */
/** @typedef {import('./lib/skipped-tests.js').SkipReport} SkipReport */

const OWN_ARGUMENTS = new Set(['--long', '--yes']);

/**
 * @param {string} path
 * @returns {TestReport & ExamReport & SkipReport} without a test when the runner left none
 */
function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { testResults: [] };
  }
}

await runMain(async () => {
  const args = process.argv.slice(2);
  // The tests have settings of their own: a person's `.env` must not decide what they see.
  const { DOCKER_SOCKET_PATH, DOCKER_HOST, XDG_RUNTIME_DIR, AA_WORKER_IMAGE } = process.env;
  const settings = {
    AA_RUNTIME: 'docker',
    DOCKER_SOCKET_PATH,
    DOCKER_HOST,
    XDG_RUNTIME_DIR,
    AA_WORKER_IMAGE,
  };
  const docker = await setUp({ root: ROOT, settings, args, env: process.env });
  const { env: own } = process;
  const situation = readSituation(own, args);
  const image = AA_WORKER_IMAGE || 'aa-worker:latest';
  const podmanSocket = docker && (await ensureTestPodman({ docker, image, situation, env: own }));
  await ensureComposePrograms({ situation, env: own });
  await ensureTestGvisor(situation, own);
  if (docker)
    await prepareContainerBuild({ root: ROOT, engine: docker, situation, env: own, cache: cacheFolder(own) });
  const folder = mkdtempSync(join(tmpdir(), 'aa-test-report-'));
  try {
    const report = join(folder, 'report.json');
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const rest = args.filter((arg) => !OWN_ARGUMENTS.has(arg));
    const env = {
      ...process.env,
      AA_TEST_DOCKER_SOCKET: docker?.socket,
      ...(podmanSocket && { AA_TEST_PODMAN_SOCKET: podmanSocket }),
      ...(args.includes('--long') && { AA_TEST_LONG: '1' }),
    };
    const code = await runVisibly(process.execPath, [vitest, 'run', ...reporters, ...rest], {
      cwd: ROOT,
      env,
    });
    const results = readReport(report);
    say(toExamTables(results));
    const skipped = groupSkipped(results);
    for (const each of toSkipLines(skipped)) say(each);
    const totals = countTests(results);
    // CI runs all tests: none of them was left out by a filter.
    if (situation.ci) totals.failed += skipped.get('')?.length ?? 0;
    const { line, exitCode } = concludeTests(totals, code);
    say(line);
    return exitCode;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
