import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/core/errors.ts';
import { toJobError } from '../../../src/core/jobs/job-error.ts';

const REF = { sessionId: 's', jobId: 'j' };

describe('a job’s error', () => {
  it('is the error with the job’s names, and nothing of it is lost', () => {
    const cause = new Error('x');
    const options = {
      cause,
      retryAfter: 7,
      headers: { Allow: 'GET' },
      issues: [{ path: 'a', message: 'b' }],
    };
    const error = toJobError(new AppError('queue_timeout', 'Too late.', options), REF);
    expect(error).toMatchObject({ code: 'queue_timeout', message: 'Too late.', ...options });
    expect(error.cause).toBe(cause);
    expect(error.details).toEqual({ id: 'j', sessionId: 's' });
  });

  it('that nobody foresaw is told by the job’s id, and its cause goes to the log', () => {
    const cause = new TypeError('secret');
    const error = toJobError(cause, REF);
    expect(error.code).toBe('internal');
    expect(error.message).toMatch(/by the job’s id\.$/);
    expect(error.cause).toBe(cause);
  });
});
