import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram } from '../../scripts/lib/run-program.js';
import { ROOT, run } from '../support/compose-project.ts';
import { titleOf, withReason } from '../support/skips.ts';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.ts';

const MAIN = 'docker-compose.yml';
const PROXY = 'docker-compose.proxy.yml';

/**
 * Those that print what they have read; podman-compose 1.0 doesn't, and is shown by what it starts. Debian has no package of
 * the plugin, so no machine need have it.
 */
const PROGRAMS = [
  ['docker-compose', titleOf, findProgram('docker-compose', process.env) !== undefined, ['docker-compose']],
  ['the compose plugin of docker', withReason, hasPlugin(), ['docker', 'compose']],
] as const;

function hasPlugin(): boolean {
  try {
    return /compose/i.test(
      execFileSync('docker', ['compose', 'version'], { encoding: 'utf8', stdio: 'pipe' }),
    );
  } catch {
    return false;
  }
}

describe.each(PROGRAMS)('%s', (name, toTitle, isThere, [program, ...first]) => {
  const title = toTitle('reads the compose files', isThere ? undefined : `there is no ${name}`);
  describe.skipIf(!isThere)(title, () => {
    let folder: string;

    beforeAll(() => {
      folder = makeTemporaryFolder('files');
      for (const file of [MAIN, PROXY, 'engine-proxy'])
        cpSync(join(ROOT, file), join(folder, file), { recursive: true });
      cpSync(join(ROOT, '.env.example'), join(folder, '.env'));
    });
    afterAll(() => removeFolder(folder));

    const config = async (...files: readonly string[]): Promise<string> => {
      const env = { PATH: process.env.PATH, HOME: process.env.HOME };
      const args = [...first, ...files.flatMap((file) => ['-f', file]), 'config'];
      return (await run(program, args, { cwd: folder, env })).stdout;
    };

    it('the main one, with its defaults where .env is as it was copied', async () => {
      const text = await config(MAIN);
      expect(text).toMatch(/AA_STORAGE_PATH: \/var\/lib\/aa-storage/);
      expect(text).toMatch(/127\.0\.0\.1/);
      expect(text).toMatch(/8080/);
      expect(text).toMatch(/\/var\/run\/docker\.sock/);
    });

    it('the proxy’s, which takes the host’s socket from the service', async () => {
      const text = await config(MAIN, PROXY);
      const [, supervisor = ''] = /^ {2}supervisor:\n([\s\S]*?)^(?: {2})?\S/m.exec(text) ?? [];
      expect(supervisor).toMatch(/engine-socket/);
      expect(supervisor).not.toMatch(/- \/var\/run\/docker\.sock:|source: \/var\/run\/docker\.sock/);
      expect(text).toMatch(/^ {2}engine-proxy:/m);
    });
  });
});
