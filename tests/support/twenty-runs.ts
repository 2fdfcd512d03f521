/**
 * Makes twenty runs through an engine's driver, four at a time, and prints what was wrong with them as one line of JSON.
 * Started by a test under another JavaScript runtime than the test's own: arguments are the engine's kind, its socket,
 * image and label.
 */
import { Pool } from 'undici-real';
import { createDockerRuntime } from '../../src/runtimes/docker/index.ts';
import { createPodmanRuntime } from '../../src/runtimes/podman/index.ts';
import { sampleSpec } from './sample-spec.ts';

const [kind = '', socketPath = '', image = '', label = ''] = process.argv.slice(2);
const runtime = kind === 'podman' ? createPodmanRuntime({ socketPath }) : createDockerRuntime({ socketPath });
const wrong: unknown[] = [];

async function run(i: number): Promise<void> {
  const script = `printf 'out ${i} \\000\\377'; head -c 200000 /dev/zero >&2; exit ${i}`;
  const spec = sampleSpec({
    image,
    args: ['/bin/sh', '-c', script],
    cwd: '/',
    mounts: [],
    labels: { 'tes.exam': label },
  });
  const id = await runtime.create(spec);
  const stdout: Uint8Array[] = [];
  let stderrBytes = 0;
  const { exited } = await runtime.start(id, {
    stdout: {
      write(chunk) {
        stdout.push(chunk.slice());
      },
    },
    stderr: {
      write(chunk) {
        stderrBytes += chunk.length;
      },
    },
  });
  const { exitCode, outputComplete } = await exited;
  await runtime.remove(id);
  const text = Buffer.concat(stdout).toString('latin1');
  const right = text === `out ${i} \0\xff` && stderrBytes === 200_000 && exitCode === i && outputComplete;
  if (!right) wrong.push({ i, text, stderrBytes, exitCode, outputComplete });
}

let next = 0;
async function worker(): Promise<void> {
  for (let i = next++; i < 20; i = next++) await run(i);
}
await Promise.all([worker(), worker(), worker(), worker()]);
const left = await runtime.list({ labels: { 'tes.exam': label } });
await runtime.close();
console.log(
  JSON.stringify({
    runtime: 'bun' in process.versions ? 'bun' : 'node',
    // Bun's own shim of the package has neither of these.
    realUndici: typeof Pool.prototype.upgrade === 'function' && typeof Pool.prototype.dispatch === 'function',
    wrong,
    left: left.length,
  }),
);
