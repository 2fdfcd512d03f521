const HEARTBEAT_MS = 5_000;

/** @param {number} since a `performance.now()` */
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** @param {string} text */
export function say(text) {
  console.log(text);
}

/**
 * Runs one step: its name at once, a line every five seconds while it lasts, and how long it took.
 *
 * @template T
 * @param {string} name
 * @param {(note: (text: string) => void) => Promise<T>} work `note` says what the next lines show as the present state
 * @returns {Promise<T>}
 */
export async function step(name, work) {
  const since = performance.now();
  let state = '';
  say(`- ${name} ...`);
  const timer = setInterval(() => say(`    ${seconds(since)} ${state}`.trimEnd()), HEARTBEAT_MS);
  try {
    const result = await work((text) => {
      state = text;
    });
    say(`  done in ${seconds(since)}`);
    return result;
  } finally {
    clearInterval(timer);
  }
}
