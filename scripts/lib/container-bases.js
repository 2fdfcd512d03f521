import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildImage } from './image-build.js';
import { proxyArguments } from './image-ensure.js';
import { hasImage, makeBaseImages } from './image-offline.js';
import { runProgram } from './run-program.js';
import { step } from './say.js';
import { SetupError } from './setup-error.js';

/** @typedef {import('./image-offline.js').OfflineContext} OfflineContext */

/** The npm beside the stand-in for Node's image. */
const NPM_VERSION = '11.21.2';

/**
 * Names of the stand-ins for the images that the Dockerfiles of the service and of its engine proxy name, by build argument.
 *
 * @param {{ NODE_IMAGE?: string }} wanted what they name
 */
export function standInNames({ NODE_IMAGE = '' }) {
  const version = /:(\d+\.\d+\.\d+)/.exec(NODE_IMAGE)?.[1];
  if (version === undefined) throw new SetupError('Dockerfile must name an exact version in NODE_IMAGE.', 1);
  return { NODE_IMAGE: `aa-node-npm:${version}-${NPM_VERSION}`, HAPROXY_IMAGE: 'aa-haproxy:latest' };
}

/**
 * Makes the stand-ins that the engine lacks, from the packages of this system and of npm.
 *
 * @param {ReturnType<typeof standInNames>} names
 * @param {Record<string, string>} workerBases what `worker/Dockerfile` names, the same Node among it
 * @param {OfflineContext} context
 */
export async function makeStandIns(names, workerBases, context) {
  const bases = await makeBaseImages(workerBases, context);
  const node = {
    tag: names.NODE_IMAGE,
    text: [
      `FROM ${bases.BASE_IMAGE}`,
      install('libatomic1 libstdc++6'),
      `COPY --from=${bases.NODE_IMAGE} /usr/local/bin/node /usr/local/bin/node`,
      'COPY npm /usr/local/lib/node_modules/npm',
      'RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && npm --version',
    ],
    prepare: (/** @type {string} */ folder) => unpackNpm(folder, context.env),
  };
  const haproxy = { tag: names.HAPROXY_IMAGE, text: [`FROM ${bases.BASE_IMAGE}`, install('haproxy')] };
  for (const image of [node, haproxy]) await makeImage(image, context);
}

/** @param {string} packages */
const install = (packages) =>
  `RUN apt-get update && apt-get install -y --no-install-recommends ${packages} && rm -rf /var/lib/apt/lists/* /var/cache/apt/*`;

/**
 * @param {{ tag: string, text: readonly string[], prepare?: (folder: string) => Promise<void> }} image
 * @param {OfflineContext} context
 */
async function makeImage({ tag, text, prepare }, { engine, cache, env }) {
  if (await hasImage(engine, tag)) return;
  const folder = join(cache, tag.replace(/\W+/g, '-'));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'Dockerfile'), `${text.join('\n')}\n`);
  await prepare?.(folder);
  const args = proxyArguments(env);
  const build = { engine, folder, dockerfile: 'Dockerfile', tag, args, labels: {}, logFolder: cache };
  await step(`Building ${tag}`, (note) => buildImage(build, note));
}

/**
 * @param {string} folder
 * @param {NodeJS.ProcessEnv} env
 */
async function unpackNpm(folder, env) {
  if (existsSync(join(folder, 'npm'))) return;
  const spec = `npm@${NPM_VERSION}`;
  const packed = await runProgram('npm', ['pack', spec, '--silent', '--pack-destination', folder], { env });
  const archive = join(folder, packed.tail.trim().split('\n').at(-1)?.trim() ?? '');
  const unpacked = await runProgram('tar', ['-xzf', archive, '-C', folder]);
  if (packed.code !== 0 || unpacked.code !== 0) {
    throw new SetupError(
      `npm pack ${spec} failed:\n${packed.tail.trim()}\nCheck that npm reaches its registry.`,
      1,
    );
  }
  rmSync(archive);
  renameSync(join(folder, 'package'), join(folder, 'npm'));
}
