import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { SetupError } from './setup-error.js';

const REPEATED_SIGNAL_MS = 1_000;

/**
 * @typedef {object} Service
 * @property {Promise<number>} ended its exit code, 128+n for a signal
 * @property {() => boolean} hasEnded
 * @property {(signal: NodeJS.Signals) => void} signal
 */

/**
 * Starts a service as a child of this process.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
 * @returns {Service}
 */
export function startService(command, args, { cwd, env }) {
  // In a process group of its own: Ctrl-C in the terminal would otherwise reach it twice, once from us.
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'inherit', 'inherit'] });
  let over = false;
  /** @type {Promise<number>} */
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
  const mark = () => {
    over = true;
  };
  ended.then(mark, mark);
  return { ended, hasEnded: () => over, signal: (signal) => void child.kill(signal) };
}

/**
 * Passes the signals that ask this process to end on to the service, one of a quick series.
 *
 * @param {Service} service
 */
export function forwardSignals(service) {
  let last = Number.NEGATIVE_INFINITY;
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => {
      // npm and the terminal both deliver Ctrl-C; the service takes a second signal for impatience.
      if (performance.now() - last < REPEATED_SIGNAL_MS) return;
      last = performance.now();
      service.signal(signal === 'SIGHUP' ? 'SIGTERM' : signal);
    });
  }
}

/**
 * Waits for `GET /readyz` to answer 200.
 *
 * @param {string} url the service's origin
 * @param {Service} service
 * @param {(text: string) => void} note
 * @param {number} [boundMs]
 * @returns {Promise<'ready' | 'ended'>}
 */
export async function waitUntilReady(url, service, note, boundMs = 90_000) {
  const until = performance.now() + boundMs;
  let state = 'no answer yet';
  while (performance.now() < until) {
    if (service.hasEnded()) return 'ended';
    try {
      const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) });
      const text = (await response.text()).slice(0, 300);
      if (response.status === 200) return 'ready';
      state = `${response.status} ${text}`;
    } catch {}
    note(state);
    await sleep(50);
  }
  service.signal('SIGTERM');
  await service.ended;
  throw new SetupError(
    `The service wasn't ready within ${boundMs / 1000} s (GET /readyz: ${state}). See its log above.`,
    1,
  );
}
