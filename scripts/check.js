import { join } from 'node:path';
import { ensureDependencies } from './lib/dependencies.js';
import { ROOT } from './lib/project.js';
import { runVisibly } from './lib/run-visibly.js';
import { say } from './lib/say.js';
import { runMain } from './lib/setup-error.js';

const STEPS = [
  { name: 'types', program: 'typescript/bin/tsc', args: ['--noEmit'] },
  { name: 'lint', program: '@biomejs/biome/bin/biome', args: ['check'] },
  { name: 'unit tests', program: 'vitest/vitest.mjs', args: ['run', '--project', 'unit', '--reporter=dot'] },
];

await runMain(async () => {
  await ensureDependencies(ROOT, process.env);
  /** @type {string[]} */
  const summary = [];
  let failed = false;
  for (const { name, program, args } of STEPS) {
    const since = performance.now();
    const path = join(ROOT, 'node_modules', program);
    const code = await runVisibly(process.execPath, [path, ...args], { cwd: ROOT, env: process.env });
    failed ||= code !== 0;
    const seconds = ((performance.now() - since) / 1000).toFixed(1);
    summary.push(`${name}: ${code === 0 ? 'ok' : `failed (exit code ${code})`}, ${seconds} s`);
  }
  say(`\n${summary.join('\n')}`);
  return failed ? 1 : 0;
});
