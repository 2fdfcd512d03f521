import { readSituation } from './consent.js';
import { ensureDependencies } from './dependencies.js';
import { ensureEngine } from './engine-ensure.js';
import { ensureImage } from './image-ensure.js';
import { cacheFolder } from './project.js';
import { say } from './say.js';

/** @typedef {import('./engine-find.js').Engine} Engine */

/**
 * Everything that the service or its tests need: dependencies, an engine that answers, the worker image.
 *
 * @param {object} options
 * @param {string} options.root
 * @param {import('./settings.js').Settings} options.settings
 * @param {readonly string[]} options.args the command line
 * @param {NodeJS.ProcessEnv} options.env
 * @returns {Promise<Engine | undefined>} undefined where this node needs no engine
 */
export async function setUp({ root, settings, args, env }) {
  await ensureDependencies(root, env);
  if (settings.AA_MODE === 'edge') {
    say('- AA_MODE=edge: no engine is needed here');
    return undefined;
  }
  const situation = readSituation(env, args);
  const engine = await ensureEngine(settings, situation);
  const image = settings.AA_WORKER_IMAGE || 'aa-worker:latest';
  await ensureImage(image, { root, engine, situation, env, cache: cacheFolder(env) });
  return engine;
}
