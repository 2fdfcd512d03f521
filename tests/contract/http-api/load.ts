import { describe, expect, it } from 'vitest';
import { waitForContainers } from '../../support/engine.ts';
import { execute, expectError, newSession, post, type SubjectGetter } from './subject.ts';

/** As `EXAM_SETTINGS` says. */
const RUNNING = 4;
const QUEUED = 2;

export function describeLoad(subject: SubjectGetter): void {
  describe('more jobs than there is room for', () => {
    it('four run, two wait, the seventh is refused; clients that go away free everything within two seconds', async () => {
      const clients = new AbortController();
      const body = { tool: 'code_execution', sessionId: newSession(), language: 'bash', code: 'sleep 50' };
      const started = Array.from({ length: RUNNING + QUEUED }, () =>
        post(subject(), '/tools/execute', body, { signal: clients.signal }).catch(() => 'gone'),
      );
      await waitForContainers(subject().instanceId, RUNNING, 15_000);
      await expectError(await post(subject(), '/tools/execute', body), 503, 'overloaded');
      clients.abort();
      expect(await Promise.all(started)).toEqual(Array.from({ length: RUNNING + QUEUED }, () => 'gone'));
      await waitForContainers(subject().instanceId, 0, 2500);
      expect(await execute(subject(), { language: 'bash', code: 'true' })).toMatchObject({ exitCode: 0 });
    });

    it('jobs of one session that write the same name are kept apart', async () => {
      const sessionId = newSession();
      const answers = await Promise.all(
        [1, 2, 3, 4].map(async (number) => {
          const fields = { language: 'bash', code: `echo ${number} | tee same.txt` };
          return execute(subject(), { ...fields, sessionId });
        }),
      );
      const texts = await Promise.all(
        answers.map(async ({ artifacts }) =>
          (await subject().fetch(artifacts.outputs['same.txt'] ?? '')).text(),
        ),
      );
      expect(texts).toEqual(['1\n', '2\n', '3\n', '4\n']);
      expect(new Set(answers.map(({ id }) => id)).size).toBe(4);
    });
  });
}
