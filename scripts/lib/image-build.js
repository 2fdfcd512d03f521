import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiPath, callEngineWithProgress } from './engine-api.js';
import { SetupError } from './setup-error.js';

/**
 * Builds one image from a folder by the engine's own builder, which every engine has without further programs.
 *
 * @param {object} build
 * @param {import('./engine-find.js').Engine} build.engine
 * @param {string} build.folder
 * @param {string} build.dockerfile
 * @param {string} build.tag
 * @param {Record<string, string>} build.args
 * @param {Record<string, string>} build.labels
 * @param {string} build.logFolder
 * @param {(text: string) => void} note
 */
export async function buildImage({ engine, folder, dockerfile, tag, args, labels, logFolder }, note) {
  mkdirSync(logFolder, { recursive: true });
  const log = join(logFolder, `build-${tag.replace(/\W+/g, '-')}.log`);
  writeFileSync(log, '');
  const query = new URLSearchParams({
    t: tag,
    dockerfile,
    buildargs: JSON.stringify(args),
    labels: JSON.stringify(labels),
    // The host's network has working name resolution also where the engine's bridge has none.
    networkmode: 'host',
    rm: '1',
    forcerm: '1',
  });
  /** @type {string[]} */
  let tail = [];
  try {
    const body = packTar(folder, ['.']);
    await callEngineWithProgress(
      {
        socket: engine.socket,
        path: apiPath(engine, `/build?${query}`),
        body,
        contentType: 'application/x-tar',
      },
      (line) => {
        appendFileSync(log, `${line}\n`);
        tail = [...tail, line.slice(0, 200)].slice(-10);
        note(line.split('\n')[0] ?? '');
      },
    );
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    throw new SetupError(
      `Building ${tag} failed:\n${tail.join('\n')}\n${message.slice(0, 200)}\nThe whole log: ${log}`,
      1,
    );
  }
}

/**
 * Makes an image of one layer from a tar stream.
 *
 * @param {import('./engine-find.js').Engine} engine
 * @param {string} image `name:tag`
 * @param {NodeJS.ReadableStream} body
 * @param {(text: string) => void} note
 */
export async function importImage(engine, image, body, note) {
  const [repo = '', tag = 'latest'] = image.split(':');
  const query = new URLSearchParams({ fromSrc: '-', repo, tag });
  const path = {
    docker: `/images/create?${query}`,
    podman: apiPath(engine, `/images/import?${new URLSearchParams({ reference: image })}`),
  }[engine.kind];
  await callEngineWithProgress({ socket: engine.socket, path, body, contentType: 'application/x-tar' }, note);
}

/**
 * A tar stream of files below a folder, owned by root whoever packs it.
 *
 * @param {string} folder
 * @param {readonly string[]} names
 * @returns {NodeJS.ReadableStream}
 */
export function packTar(folder, names) {
  const tar = spawn('tar', ['--owner=0', '--group=0', '-C', folder, '-cf', '-', ...names], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // bsdtar adds Apple's metadata files otherwise.
    env: { ...process.env, COPYFILE_DISABLE: '1' },
  });
  tar.once('error', (error) => tar.stdout.destroy(error));
  tar.once('close', (code) => {
    if (code) tar.stdout.destroy(new Error(`tar ended with ${code}`));
  });
  return tar.stdout;
}
