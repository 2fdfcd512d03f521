import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiPath, callEngine } from './engine-api.js';
import { buildImage } from './image-build.js';
import { makeBaseImages } from './image-offline.js';
import { decideImage, hashSource, OWN_IMAGES, readBuildArguments, SOURCE_LABEL } from './image-source.js';
import { reachImages } from './registry-reach.js';
import { say, step } from './say.js';
import { SetupError } from './setup-error.js';

/** @typedef {import('./image-offline.js').OfflineContext & { root: string }} ImageContext */

/**
 * Makes sure that the engine has the image, built from the present `worker/` folder if it is one of the project's own.
 *
 * @param {string} image
 * @param {ImageContext} context
 * @returns {Promise<void>}
 */
export async function ensureImage(image, context) {
  const source = join(context.root, 'worker');
  const hash = hashSource(source);
  const own =
    image in OWN_IMAGES ? OWN_IMAGES[/** @type {import('./image-source.js').OwnImage} */ (image)] : undefined;
  const found = await inspectImage(context.engine, image);
  const decision = decideImage({ own: own !== undefined, ...found, hash });
  if (decision === 'unknown') {
    throw new SetupError(
      `AA_WORKER_IMAGE names ${image}, which the engine doesn't have. Run: ${context.engine.kind} pull ${image}`,
    );
  }
  if (decision === 'keep-handmade')
    say(`- Worker image ${image}: built by hand, kept (remove it to have it built here)`);
  if (decision === 'keep') say(`- Worker image ${image} is there`);
  if (own === undefined || decision === 'keep' || decision === 'keep-handmade') return;
  if (own.needs) await ensureImage(own.needs, context);
  say(`- Worker image ${image}: ${decision === 'build' ? 'not built yet' : 'the worker folder has changed'}`);
  const args = own.needs
    ? {}
    : await chooseBases(readFileSync(join(source, own.dockerfile), 'utf8'), context);
  await step(`Building ${image}`, (note) =>
    buildImage(
      {
        engine: context.engine,
        folder: source,
        dockerfile: own.dockerfile,
        tag: image,
        args: { ...args, ...proxyArguments(context.env) },
        labels: { [SOURCE_LABEL]: hash },
        logFolder: context.cache,
      },
      note,
    ),
  );
}

/**
 * @param {string} dockerfile
 * @param {ImageContext} context
 */
async function chooseBases(dockerfile, context) {
  const wanted = readBuildArguments(dockerfile);
  const { reachable, reason } = await step('Asking for the base images (15 s at most)', () =>
    reachImages(context.engine, Object.values(wanted)),
  );
  if (reachable) return {};
  say(`  Building without a registry: ${reason}`);
  return makeBaseImages(wanted, context);
}

/**
 * @param {import('./engine-find.js').Engine} engine
 * @param {string} image
 * @returns {Promise<{ exists: boolean, id: string | undefined, label: string | undefined }>} `id` without its `sha256:`
 */
export async function inspectImage(engine, image) {
  const path = apiPath(engine, `/images/${image}/json`);
  const { status, json } = await callEngine({ socket: engine.socket, path });
  const body =
    /** @type {{ Id?: string, Config?: { Labels?: Record<string, string> | null } } | undefined} */ (json);
  const id = body?.Id?.replace(/^sha256:/, '');
  return { exists: status === 200, id, label: body?.Config?.Labels?.[SOURCE_LABEL] };
}

/** @param {NodeJS.ProcessEnv} env */
export function proxyArguments(env) {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name] ?? '']] : [])));
}
