/** Who reads a job's stream. A job that lives by its readers is ended when the last one stays away. */
export interface Attendance {
  /** A reader came; the returned function says that it went. A second call of that does nothing. */
  join(): () => void;
  /** The job has ended: nobody needs to be waited for. */
  close(): void;
}

/** @param graceMs how long a job waits for its next reader once the last one has gone */
export function createAttendance(graceMs: number, onAbandoned: () => void): Attendance {
  let readers = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;
  return {
    join() {
      readers += 1;
      clearTimeout(timer);
      let gone = false;
      return () => {
        if (gone) return;
        gone = true;
        readers -= 1;
        if (readers === 0 && !closed) timer = setTimeout(onAbandoned, graceMs);
      };
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
