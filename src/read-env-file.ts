import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

/** The variables of `.env` in the working directory; none where there is no such file. Throws when it can't be read. */
export function readEnvFile(): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync('.env', 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw error;
  }
}
