import { afterAll, beforeAll, describe } from 'vitest';
import { describeArtifactRequests } from './http-api/artifact-requests.ts';
import { describeEndings } from './http-api/endings.ts';
import { describeInside } from './http-api/inside.ts';
import { describeJobs } from './http-api/jobs.ts';
import { describeLanguages } from './http-api/languages.ts';
import { describeLoad } from './http-api/load.ts';
import { describeOutputs } from './http-api/outputs.ts';
import { describeRefusals } from './http-api/refusals.ts';
import { describeServiceRoutes } from './http-api/service-routes.ts';
import { describeStreams } from './http-api/streams.ts';
import type { HttpSubject } from './http-api/subject.ts';

export type { HttpSubject, RawRequest, RawResponse } from './http-api/subject.ts';

/** What every subject is started with, so that the exam can fill its queue and pass its body limit. */
export const EXAM_SETTINGS = {
  AA_MAX_RUNNING: '4',
  AA_MAX_QUEUED: '2',
  AA_MAX_BODY_BYTES: '4MiB',
  AA_MAX_TIMEOUT_MS: '60000',
  AA_RESUME_GRACE_MS: '1500',
} as const;

/** The one HTTP exam: what a client sees must not depend on what runs the service. Needs an engine and the worker image. */
export function describeHttpApi(name: string, makeSubject: () => Promise<HttpSubject>): void {
  describe(`HTTP API: ${name}`, () => {
    let subject: HttpSubject | undefined;
    const get = (): HttpSubject => {
      if (subject === undefined) throw new Error('the subject did not start');
      return subject;
    };
    beforeAll(async () => {
      subject = await makeSubject();
    });
    afterAll(async () => {
      await subject?.close();
    });
    describeServiceRoutes(get);
    describeLanguages(get);
    describeEndings(get);
    describeOutputs(get);
    describeArtifactRequests(get);
    describeInside(get);
    describeRefusals(get);
    describeJobs(get);
    describeStreams(get);
    describeLoad(get);
  });
}
