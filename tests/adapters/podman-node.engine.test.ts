import { describe } from 'vitest';
import { describeHttpApi } from '../contract/http-api.ts';
import { PODMAN, titleFor } from '../support/engine.ts';
import { makeProcessSubject } from '../support/process-subject.ts';

describe.skipIf(PODMAN.obstacle !== undefined)(titleFor('Podman', PODMAN), () => {
  describeHttpApi('Node over Podman', () => makeProcessSubject('node', PODMAN));
});
