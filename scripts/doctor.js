import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDependencies } from './lib/dependencies.js';
import { ROOT } from './lib/project.js';
import { runVisibly } from './lib/run-visibly.js';
import { say } from './lib/say.js';
import { runMain } from './lib/setup-error.js';

const args = process.argv.slice(2);

/** For machines: nothing but JSON is printed, so nothing is installed either. */
function sayMissing() {
  const cure = 'Run `npm ci`, or `npm run setup`, which does all that is needed.';
  const finding = { name: 'dependencies', status: 'fail', seen: 'not installed', cure };
  say(JSON.stringify({ ok: false, findings: [finding] }, null, 2));
}

await runMain(async () => {
  if (!args.includes('--json')) await ensureDependencies(ROOT, process.env);
  else if (!existsSync(join(ROOT, 'node_modules/tsx'))) {
    sayMissing();
    return 1;
  }
  const command = ['--import', 'tsx', 'src/doctor.ts', ...args];
  return runVisibly(process.execPath, command, { cwd: ROOT, env: process.env });
});
