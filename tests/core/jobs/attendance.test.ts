import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAttendance } from '../../../src/core/jobs/attendance.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('who reads a stream', () => {
  it('the job is given up a while after the last reader has gone, and not before', () => {
    const onAbandoned = vi.fn();
    const attendance = createAttendance(1000, onAbandoned);
    const [first, second] = [attendance.join(), attendance.join()];
    first();
    first();
    vi.advanceTimersByTime(5000);
    expect(onAbandoned).not.toHaveBeenCalled();
    second();
    vi.advanceTimersByTime(999);
    expect(onAbandoned).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(onAbandoned).toHaveBeenCalledTimes(1);
  });

  it('a reader who comes back in time keeps it alive, and a later absence counts anew', () => {
    const onAbandoned = vi.fn();
    const attendance = createAttendance(1000, onAbandoned);
    for (let n = 0; n < 5; n += 1) {
      attendance.join()();
      vi.advanceTimersByTime(900);
    }
    expect(onAbandoned).not.toHaveBeenCalled();
    vi.advanceTimersByTime(100);
    expect(onAbandoned).toHaveBeenCalledTimes(1);
  });

  it('an ended job needs nobody', () => {
    const attendance = createAttendance(1000, () => expect.unreachable());
    const leave = attendance.join();
    attendance.join()();
    attendance.close();
    leave();
    expect(vi.getTimerCount()).toBe(0);
  });
});
