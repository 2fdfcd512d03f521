import { createInterface } from 'node:readline/promises';

/** @typedef {{ root: boolean, terminal: boolean, ci: boolean, yes: boolean }} Situation */

/**
 * May the set-up change the system? Without root it can't; a person at the terminal is asked; nobody there: go ahead.
 *
 * @param {Situation} situation
 * @returns {'go' | 'ask' | 'refuse'}
 */
export function decideConsent({ root, terminal, ci, yes }) {
  if (!root) return 'refuse';
  if (ci || yes) return 'go';
  return terminal ? 'ask' : 'go';
}

/**
 * @param {Readonly<Record<string, string | undefined>>} env
 * @param {readonly string[]} args
 * @returns {Situation}
 */
export function readSituation(env, args) {
  return {
    root: process.getuid?.() === 0,
    terminal: Boolean(process.stdin.isTTY && process.stdout.isTTY),
    ci: env.CI === 'true' || env.CI === '1',
    yes: args.includes('--yes'),
  };
}

/**
 * Asks the person at the terminal; anything but a yes is a no.
 *
 * @param {string} question
 */
export async function askPerson(question) {
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await reader.question(`${question} [y/N] `)).trim());
  } finally {
    reader.close();
  }
}
