import { describe, expect, it } from 'vitest';
import { describeEndings } from './container-runtime/endings.ts';
import { describeIsolation } from './container-runtime/isolation.ts';
import { describeLifecycle } from './container-runtime/lifecycle.ts';
import { describeOutput } from './container-runtime/output.ts';
import { codeOf, prepareExam, type RuntimeSubject } from './container-runtime/subject.ts';

export type { ExamPrograms, RuntimeSubject } from './container-runtime/subject.ts';

/** The exam of `ContainerRuntime`: every implementation passes it, and leaves nothing behind after any case. */
export function describeContainerRuntime(name: string, makeSubject: () => Promise<RuntimeSubject>): void {
  describe(`ContainerRuntime: ${name}`, () => {
    const exam = prepareExam(makeSubject);
    describeLifecycle(exam);
    describeOutput(exam);
    describeEndings(exam);
    describeIsolation(exam);
  });

  describe(`ContainerRuntime: ${name}, closed`, () => {
    it('refuses calls, and closes a second time without complaint', async () => {
      const subject = await makeSubject();
      await subject.runtime.info();
      await subject.runtime.close();
      await subject.runtime.close();
      expect(await codeOf(subject.runtime.info())).toBe('unavailable');
      await subject.close?.();
    });
  });
}
