import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type RunningService, startServiceProcess } from '../support/start-service.ts';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.ts';

const ANNA = 'annas-key-of-24-characters-or-more';
const BO = 'bos-key-of-24-characters-or-more';
const ENV = { AA_API_KEYS: `anna:${ANNA},bo:${BO}` };
const PROGRAM = 'cat /proc/self/environ /proc/1/environ; echo done';

interface Answer {
  readonly artifacts: { readonly outputs: Readonly<Record<string, string>> };
}

function run(service: RunningService, key: string | undefined): Promise<Response> {
  return fetch(`${service.url}/run`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify({ sessionId: 'shared', language: 'bash', code: PROGRAM }),
  });
}

describe.each(['node', 'bun'] as const)('keys on %s', (on) => {
  it('are needed to run, keep callers apart, and their links outlive a restart', async () => {
    const folder = makeTemporaryFolder('keys');
    const storageRoot = join(folder, 'storage');
    const first = await startServiceProcess({ on, storageRoot, env: ENV });
    expect((await run(first, undefined)).status).toBe(401);
    const answer = (await (await run(first, ANNA)).json()) as Answer;
    const link = answer.artifacts.outputs.stdout ?? '';
    expect(await (await fetch(link)).text()).toContain('done');
    const asBo = await fetch(link.replace(/\?.*/, ''), { headers: { Authorization: `Bearer ${BO}` } });
    expect(asBo.status).toBe(404);
    const log = first.log();
    await first.stop();

    const second = await startServiceProcess({ on, storageRoot, env: ENV });
    const again = link.replace(/^http:\/\/[^/]+/, second.url);
    const stdout = await (await fetch(again)).text();
    expect((await fetch(again.replace(/sig=.{4}/, 'sig=AAAA'))).status).toBe(401);
    await second.stop();

    // Neither the log nor the program's environment nor anything on disk holds a key or a signature.
    const written = [log, second.log(), stdout, ...textsBelow(storageRoot)];
    for (const text of written) expect(text).not.toMatch(new RegExp(`${ANNA}|${BO}|sig=`));
    expect(statSync(join(storageRoot, '.supervisor', 'url-secret.json')).mode & 0o777).toBe(0o600);
    removeFolder(folder);
  });
});

function textsBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
}
