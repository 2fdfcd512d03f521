import { ROOT } from './lib/project.js';
import { say } from './lib/say.js';
import { setUp } from './lib/set-up.js';
import { readSettings } from './lib/settings.js';
import { runMain } from './lib/setup-error.js';

await runMain(async () => {
  const settings = readSettings(ROOT, process.env);
  await setUp({ root: ROOT, settings, args: process.argv.slice(2), env: process.env });
  say('Ready. Start the service with: npm start');
  return 0;
});
