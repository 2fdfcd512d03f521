import { describeHttpApi } from '../contract/http-api.ts';
import { makeProcessSubject } from '../support/process-subject.ts';

describeHttpApi('Bun', () => makeProcessSubject('bun'));
