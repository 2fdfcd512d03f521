import { describeHttpApi } from '../contract/http-api.ts';
import { makeProcessSubject } from '../support/process-subject.ts';

describeHttpApi('Node', () => makeProcessSubject('node'));
