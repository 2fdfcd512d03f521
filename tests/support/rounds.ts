/** Whether every repetition is asked for: `npm run test:long`. */
export const LONG = (process.env.AA_TEST_LONG ?? '') !== '';

/** All rounds of a long test, a tenth otherwise. */
export function tenth(all: number): number {
  return LONG ? all : Math.ceil(all / 10);
}
