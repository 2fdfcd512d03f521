/**
 * Where the service will listen, and the URL by which this machine reaches it.
 *
 * @param {import('./settings.js').Settings} settings
 */
export function readAddress(settings) {
  const host = settings.HOST || '127.0.0.1';
  const port = Number(settings.PORT || 8080);
  const everywhere = /** @type {Record<string, string>} */ ({ '0.0.0.0': '127.0.0.1', '::': '::1' });
  const near = everywhere[host] ?? host;
  return { host, port, url: `http://${near.includes(':') ? `[${near}]` : near}:${port}` };
}

/**
 * The first key that can be sent, from `name:key` entries; of a hashed one only the service's own hash is known.
 *
 * @param {string | undefined} keys
 * @returns {{ needed: boolean, key: string | undefined }}
 */
export function readFirstKey(keys) {
  const entries = (keys ?? '').split(',').map((entry) => entry.trim());
  const values = entries.filter(Boolean).map((entry) => entry.slice(entry.indexOf(':') + 1));
  return { needed: values.length > 0, key: values.find((value) => !value.startsWith('sha256:')) };
}
