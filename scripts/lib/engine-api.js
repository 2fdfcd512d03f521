import { request } from 'node:http';
import { createInterface } from 'node:readline';

/**
 * @typedef {object} EngineRequest
 * @property {string} socket path of the engine's unix socket
 * @property {string} path with its query
 * @property {string} [method]
 * @property {number} [timeoutMs] until the answer has begun
 * @property {AbortSignal} [signal]
 * @property {NodeJS.ReadableStream} [body]
 * @property {string} [contentType]
 */

/**
 * The path of an image's or build's route, by the engine's own interface.
 *
 * @param {{ kind: 'docker' | 'podman' }} engine
 * @param {string} path
 */
export const apiPath = ({ kind }, path) => (kind === 'podman' ? `/v4.0.0/libpod${path}` : path);

/** @typedef {{ status: number, stream: import('node:http').IncomingMessage }} EngineAnswer */

/**
 * Sends one request to an engine and hands out its answer once that begins; rejects with the socket's error, or with `ETIMEDOUT` when no answer begins in time.
 *
 * @param {EngineRequest} options
 * @returns {Promise<EngineAnswer>}
 */
export function openEngine({ socket, path, method = 'GET', timeoutMs = 5_000, signal, body, contentType }) {
  return new Promise((resolve, reject) => {
    const headers = { Host: 'engine', ...(contentType && { 'Content-Type': contentType }) };
    const call = request({ socketPath: socket, path, method, headers, ...(signal && { signal }) });
    const timer = setTimeout(() => {
      call.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }));
    }, timeoutMs);
    call.once('response', (stream) => {
      clearTimeout(timer);
      resolve({ status: stream.statusCode ?? 0, stream });
    });
    call.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    if (body === undefined) call.end();
    else body.once('error', (error) => call.destroy(/** @type {Error} */ (error))).pipe(call);
  });
}

/**
 * One request with a short answer.
 *
 * @param {EngineRequest} options
 * @returns {Promise<{ status: number, text: string, json: unknown }>} `json` is undefined when the answer is no JSON
 */
export async function callEngine(options) {
  const { status, stream } = await openEngine(options);
  const text = await readText(stream, options.timeoutMs ?? 5_000);
  return { status, text, json: parse(text) };
}

/**
 * A long request that reports as it goes (a build, an import); rejects with the engine's own error text.
 *
 * @param {EngineRequest} options
 * @param {(line: string) => void} [onLine]
 */
export async function callEngineWithProgress(options, onLine = () => {}) {
  const { status, stream } = await openEngine({ timeoutMs: 30 * 60_000, method: 'POST', ...options });
  if (status >= 400) throw new Error(messageOf(await readText(stream, 5_000)));
  let failure = '';
  for await (const line of createInterface({ input: stream })) {
    const entry = /** @type {{ stream?: string, status?: string, error?: string } | undefined} */ (
      parse(line)
    );
    failure ||= entry?.error ?? '';
    const text = (entry?.stream ?? entry?.status ?? entry?.error ?? '').trimEnd();
    if (text) onLine(text);
  }
  if (failure) throw new Error(failure);
}

/**
 * @param {import('node:http').IncomingMessage} stream
 * @param {number} timeoutMs
 */
async function readText(stream, timeoutMs) {
  const timer = setTimeout(() => stream.destroy(new Error('the answer did not end in time')), timeoutMs);
  try {
    stream.setEncoding('utf8');
    let text = '';
    for await (const chunk of stream) text += chunk;
    return text;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {string} text
 * @returns {unknown}
 */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @param {string} text */
function messageOf(text) {
  const body = /** @type {{ message?: string } | undefined} */ (parse(text));
  return body?.message ?? text.slice(0, 500);
}
