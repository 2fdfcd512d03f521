import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { RuntimeError } from '../../src/core/container-runtime.ts';
import { createDockerRuntime } from '../../src/runtimes/docker/index.ts';
import type { FakeVerb } from '../../src/runtimes/fake/index.ts';
import { useApp } from '../support/app-fixture.ts';
import { buildApp } from '../support/build-app.ts';
import { MARKERS, openLinks, readLog, sendMarked, sendRefused } from '../support/log-markers.ts';
import { startScriptedEngine } from '../support/scripted-engine.ts';

const app = useApp();
const KEYS = [{ name: 'anna', key: MARKERS.key }];

/** A log as `index.ts` writes it, at its most talkative. */
function makeLog() {
  let text = '';
  const write = (line: string): void => {
    text += line;
  };
  const logger = pino({ level: 'debug' }, { write });
  return { logger, text: () => text };
}

const send = (path: string, init: RequestInit): Promise<Response> => app.request(path, init);

it('a marker in a log is seen, plain or encoded', () => {
  const line = (text: string): string => `{"level":30,"msg":"${text}"}\n`;
  expect(readLog(line('harmless'), [])).toHaveLength(1);
  expect(() => readLog(line(MARKERS.code), [])).toThrow();
  expect(() => readLog(line(Buffer.from(MARKERS.file).toString('base64')), [])).toThrow();
});

describe('the log at debug level', () => {
  it('names requests and jobs, and holds nothing of what they carry, whether they succeed or are refused', async () => {
    const log = makeLog();
    await app.open({ keys: KEYS, logger: log.logger });
    const steps = JSON.stringify([{ stdout: MARKERS.output }]);
    const { status, text } = await sendMarked(
      send,
      { args: [MARKERS.argument, steps] },
      { 'X-Request-Id': 'mine' },
    );
    expect(status).toBe(200);
    const { id, artifacts } = JSON.parse(text);
    const signature = await openLinks(send, artifacts.outputs.stdout);
    expect(await sendRefused(send)).toEqual([400, 400, 400, 400, 404, 415, 400, 401, 401]);
    const lines = readLog(log.text(), [signature]);
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'job done', requestId: 'mine', job: id }));
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'request', code: 'invalid_json', level: 30 }),
    );
    expect(lines.filter(({ msg }) => msg === 'request').length).toBe(12);
  });

  it.each<FakeVerb>(['create', 'start', 'kill', 'remove'])('nor when the engine’s %s fails', async (verb) => {
    const log = makeLog();
    await app.open({ keys: KEYS, logger: log.logger });
    const cause = Object.assign(new Error('socket hang up'), { statusCode: 500 });
    app.fake.failNext(verb, new RuntimeError('engine_failed', 'the engine failed', { cause }));
    const steps = JSON.stringify([{ hang: true }]);
    await sendMarked(send, { args: [MARKERS.argument, steps], timeoutMs: 20 });
    const lines = readLog(log.text(), []);
    expect(lines.some(({ level, job }) => level >= 40 && job !== undefined)).toBe(true);
    await app.fake
      .list({ labels: {} })
      .then((left) => Promise.all(left.map(({ id }) => app.fake.remove(id))));
  });

  it.each([
    ['refuses', { status: 500, body: { message: 'create failed' } }],
    ['drops the connection', 'reset'],
    ['breaks off', 'torn'],
    ['answers nonsense', { status: 200, body: [] }],
  ] as const)('nor when Docker’s own client meets an engine that %s', async (_what, reply) => {
    const log = makeLog();
    const engine = await startScriptedEngine();
    const runtime = createDockerRuntime({ socketPath: engine.socketPath, deadlineMs: 600 });
    const built = await buildApp(app.storage, runtime, { keys: KEYS, logger: log.logger });
    try {
      for (const route of ['POST /containers/create', 'POST /containers/*/start']) {
        engine.script(route, reply, reply, reply);
        const request = async (path: string, init: RequestInit): Promise<Response> =>
          built.app.request(`http://127.0.0.1:8080${path}`, init);
        expect((await sendMarked(request)).status).toBeGreaterThan(499);
      }
      expect(readLog(log.text(), []).filter(({ level }) => level === 50).length).toBeGreaterThan(0);
    } finally {
      await built.supervisor.close(0);
      await runtime.close();
      await engine.close();
    }
  });
});
