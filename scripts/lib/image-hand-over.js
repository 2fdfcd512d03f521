import { apiPath, callEngineWithProgress, openEngine } from './engine-api.js';
import { inspectImage } from './image-ensure.js';
import { step } from './say.js';
import { SetupError } from './setup-error.js';

/** @typedef {import('./engine-find.js').Engine} Engine */

/**
 * Copies an image from one engine to another, unless that has the very same.
 *
 * @param {string} image
 * @param {{ from: Engine, to: Engine }} engines
 */
export async function handOverImage(image, { from, to }) {
  const [mine, theirs] = await Promise.all([inspectImage(from, image), inspectImage(to, image)]);
  if (mine.id !== undefined && mine.id === theirs.id) return;
  await step(`Handing ${image} from ${from.kind} over to ${to.kind}`, async (note) => {
    const { status, stream } = await openEngine({
      socket: from.socket,
      path: apiPath(from, `/images/${image}/get`),
      timeoutMs: 60_000,
    });
    if (status !== 200)
      throw new SetupError(`${from.kind} doesn't hand out ${image} (${status}). Build it there first.`);
    const path = apiPath(to, '/images/load');
    await callEngineWithProgress(
      { socket: to.socket, path, body: stream, contentType: 'application/x-tar' },
      note,
    );
  });
}
