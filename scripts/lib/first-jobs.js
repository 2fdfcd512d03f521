const SESSION = 'first-jobs';
const JOB_BOUND_MS = 60_000;

/** One small program in each language. */
export const FIRST_JOBS = Object.freeze([
  { language: 'python', code: 'import platform\nprint("hello from Python", platform.python_version())\n' },
  { language: 'node', code: 'console.log("hello from Node.js", process.versions.node);\n' },
  {
    language: 'bun',
    code: 'const version: string = Bun.version;\nconsole.log("hello from Bun", version);\n',
  },
  { language: 'bash', code: 'echo "hello from Bash $BASH_VERSION"\n' },
]);

/**
 * @typedef {object} Answer
 * @property {string} id
 * @property {number} exitCode
 * @property {string} [outcome]
 * @property {number} [durationMs]
 * @property {Record<string, number>} [timings]
 * @property {{ inputs: Record<string, string>, outputs: Record<string, string> }} artifacts
 */

/**
 * @typedef {object} JobReport
 * @property {string} language
 * @property {boolean} ok
 * @property {string[]} lines for a person
 */

/**
 * Runs the small jobs one after the other through the service's own HTTP API.
 *
 * @param {string} url the service's origin
 * @param {string | undefined} key
 * @param {(report: JobReport) => void} onReport
 * @returns {Promise<boolean>} whether every one ended with 0
 */
export async function runFirstJobs(url, key, onReport) {
  let ok = true;
  for (const job of FIRST_JOBS) {
    const report = await runJob(url, key, job);
    ok &&= report.ok;
    onReport(report);
  }
  return ok;
}

/**
 * @param {string} url
 * @param {string | undefined} key
 * @param {{ language: string, code: string }} job
 * @returns {Promise<JobReport>}
 */
async function runJob(url, key, { language, code }) {
  const since = performance.now();
  try {
    const response = await fetch(`${url}/tools/execute`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...authorization(key) },
      body: JSON.stringify({ tool: 'code_execution', sessionId: SESSION, language, code }),
      signal: AbortSignal.timeout(JOB_BOUND_MS),
    });
    const text = await response.text();
    if (response.status !== 200)
      return { language, ok: false, lines: [`${language}: ${response.status} ${text}`] };
    return await reportAnswer(language, JSON.parse(text), performance.now() - since, key);
  } catch (error) {
    return { language, ok: false, lines: [`${language}: ${/** @type {Error} */ (error).message}`] };
  }
}

/**
 * @param {string} language
 * @param {Answer} answer
 * @param {number} totalMs
 * @param {string | undefined} key
 * @returns {Promise<JobReport>}
 */
async function reportAnswer(language, answer, totalMs, key) {
  const { exitCode, outcome = 'ended', timings = {}, artifacts } = answer;
  const parts = Object.entries(timings).map(([name, ms]) => `${name} ${Math.round(ms)}`);
  const lines = [
    `${language}: ${outcome}, exit code ${exitCode}, ${Math.round(totalMs)} ms (${parts.join(', ')})`,
  ];
  for (const [group, urls] of Object.entries(artifacts)) {
    for (const [name, link] of Object.entries(urls)) lines.push(`  ${group}/${name}: ${link}`);
  }
  const { text, ok } = await fetchText(artifacts.outputs.stdout, key);
  lines.push(`  | ${text.trimEnd().split('\n').join('\n  | ')}`);
  return { language, ok: exitCode === 0 && ok, lines };
}

/**
 * @param {string | undefined} link
 * @param {string | undefined} key
 */
async function fetchText(link, key) {
  if (link === undefined) return { ok: false, text: 'the answer has no stdout' };
  const response = await fetch(link, {
    headers: authorization(key),
    signal: AbortSignal.timeout(JOB_BOUND_MS),
  });
  const text = await response.text();
  return { ok: response.ok, text: response.ok ? text : `GET stdout answered ${response.status}` };
}

/**
 * @param {string | undefined} key
 * @returns {Record<string, string>}
 */
const authorization = (key) => (key ? { Authorization: `Bearer ${key}` } : {});

/**
 * A request ready to paste; the key stays in the shell's variable.
 *
 * @param {string} url
 * @param {boolean} needsKey
 */
export function exampleRequest(url, needsKey) {
  const body = JSON.stringify({
    tool: 'code_execution',
    sessionId: 'my-session',
    language: 'python',
    code: 'print(6 * 7)',
  });
  const header = needsKey ? ` -H "Authorization: Bearer $AA_KEY"` : '';
  return `curl -s ${url}/tools/execute -H 'Content-Type: application/json'${header} -d '${body}'`;
}
