import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const TAIL_CHARACTERS = 4_000;

/**
 * Runs a program to its end. Never rejects for a program that fails or is missing (code 127).
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, onLine?: (line: string) => void }} [options]
 * @returns {Promise<{ code: number, tail: string }>} `tail` is the end of stdout and stderr together
 */
export function runProgram(command, args, { cwd, env, onLine } = {}) {
  return new Promise((resolve) => {
    let tail = '';
    const child = spawn(command, args, {
      ...(cwd && { cwd }),
      ...(env && { env }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    /** @param {string} text */
    const take = (text) => {
      tail = (tail + text).slice(-TAIL_CHARACTERS);
      const line = text.trim().split('\n').at(-1)?.trim();
      if (line) onLine?.(line);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.once('error', (error) => resolve({ code: 127, tail: error.message }));
    child.once('close', (code) => resolve({ code: code ?? 1, tail }));
  });
}

/**
 * The path of a program, or undefined. System folders are looked at too: an ordinary user's PATH often lacks `sbin`.
 *
 * @param {string} name
 * @param {Readonly<Record<string, string | undefined>>} env
 * @param {readonly string[]} [systemFolders]
 */
export function findProgram(name, env, systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin']) {
  for (const folder of [...(env.PATH ?? '').split(delimiter), ...systemFolders]) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  return undefined;
}
