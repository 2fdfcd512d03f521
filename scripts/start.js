import { readAddress, readFirstKey } from './lib/address.js';
import { exampleRequest, runFirstJobs } from './lib/first-jobs.js';
import { isTrue, readOwnKey } from './lib/own-key.js';
import { assertPortFree } from './lib/port.js';
import { ROOT } from './lib/project.js';
import { say, step } from './lib/say.js';
import { forwardSignals, startService, waitUntilReady } from './lib/service.js';
import { setUp } from './lib/set-up.js';
import { readSettings } from './lib/settings.js';
import { runMain, SetupError } from './lib/setup-error.js';

/** @typedef {import('./lib/service.js').Service} Service */

/**
 * @param {string} url
 * @param {string | undefined} key
 */
async function showFirstJobs(url, key) {
  say('- One small job in each language');
  return runFirstJobs(url, key, ({ lines }) => say(lines.map((line) => `  ${line}`).join('\n')));
}

/**
 * The key to send, once the service is up: it may be one that the service has made.
 *
 * @param {import('./lib/settings.js').Settings} settings
 * @returns {() => string | undefined}
 */
function chooseKey(settings) {
  const { needed, key } = readFirstKey(settings.AA_API_KEYS);
  if (!needed && isTrue(settings.AA_GENERATE_KEY)) return () => readOwnKey(settings);
  if (needed && key === undefined) {
    throw new SetupError(
      'AA_API_KEYS holds hashed keys only, so that the first jobs have none to send. Add one as name:key.',
    );
  }
  return () => key;
}

/**
 * @param {Service} service
 * @param {string} url
 * @param {{ keyOf: () => string | undefined, once: boolean }} options
 */
async function useService(service, url, { keyOf, once }) {
  const state = await step('Waiting for the service', (note) => waitUntilReady(url, service, note));
  if (state === 'ended') {
    const code = await service.ended;
    say(`The service ended with ${code} before it was ready. What it printed above says why.`);
    return code;
  }
  const key = keyOf();
  const ok = await showFirstJobs(url, key);
  if (once) {
    service.signal('SIGTERM');
    const code = await service.ended;
    return ok ? code : 1;
  }
  say(`\nThe API is at ${url}. Try:\n  ${exampleRequest(url, key !== undefined)}\nStop it with Ctrl-C.`);
  return service.ended;
}

await runMain(async () => {
  const args = process.argv.slice(2);
  const settings = readSettings(ROOT, process.env);
  const { host, port, url } = readAddress(settings);
  await assertPortFree(host, port);
  const keyOf = chooseKey(settings);
  const engine = await setUp({ root: ROOT, settings, args, env: process.env });
  const env = { ...process.env, ...(engine && { DOCKER_SOCKET_PATH: engine.socket }) };
  const service = startService(process.execPath, ['--import', 'tsx', 'src/index.ts'], { cwd: ROOT, env });
  forwardSignals(service);
  return useService(service, url, { keyOf, once: args.includes('--once') });
});
