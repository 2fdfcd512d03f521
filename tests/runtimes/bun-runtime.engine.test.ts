import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { DOCKER, PODMAN, titleFor } from '../support/engine.ts';

const run = promisify(execFile);
const bun = join(dirname(createRequire(import.meta.url).resolve('bun/package.json')), 'bin', 'bun.exe');
const program = fileURLToPath(new URL('../support/twenty-runs.ts', import.meta.url));

describe.each([DOCKER, PODMAN])('the $name driver on Bun', (engine) => {
  const title =
    'loses no byte and no exit code in 20 runs, uses the real undici, and ends by itself once closed';
  it.skipIf(engine.obstacle !== undefined)(titleFor(title, engine), async () => {
    const image = process.env.AA_WORKER_IMAGE ?? 'aa-worker:latest';
    const label = randomBytes(6).toString('hex');
    const { stdout } = await run(bun, [program, engine.name, engine.socketPath, image, label], {
      timeout: 90_000,
    });
    expect(JSON.parse(stdout)).toEqual({ runtime: 'bun', realUndici: true, wrong: [], left: 0 });
  });
});
