import { readSituation } from './lib/consent.js';
import { composeCommands, prepareContainerBuild } from './lib/container-build.js';
import { cacheFolder, ROOT } from './lib/project.js';
import { say } from './lib/say.js';
import { setUp } from './lib/set-up.js';
import { readSettings } from './lib/settings.js';
import { runMain } from './lib/setup-error.js';

await runMain(async () => {
  const { env } = process;
  const args = process.argv.slice(2);
  const settings = readSettings(ROOT, env);
  const engine = await setUp({ root: ROOT, settings, args, env });
  if (engine && args.includes('--container')) {
    const context = { root: ROOT, engine, situation: readSituation(env, args), env, cache: cacheFolder(env) };
    const commands = composeCommands(engine.kind, await prepareContainerBuild(context));
    say(`Ready. Start the service in a container with:\n${commands.map((line) => `    ${line}`).join('\n')}`);
    return 0;
  }
  say('Ready. Start the service with: npm start');
  return 0;
});
