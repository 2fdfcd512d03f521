/** One thing that was looked at on this host: what was to be, what was seen and how, and what to do where they differ. */
export interface Finding {
  /** Lower-case words joined by `_`; one row of that name in a report. */
  readonly name: string;
  /** `warn`: runs work, and somebody should know; `fail`: runs are refused, or less safe than promised. */
  readonly status: 'ok' | 'warn' | 'fail';
  /** What a run is to have. */
  readonly asked?: string;
  readonly seen?: string;
  /** By what it was seen. */
  readonly how?: string;
  /** What to do; there for every row that isn't `ok`. */
  readonly cure?: string;
}
