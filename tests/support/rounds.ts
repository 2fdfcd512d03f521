const long = process.env.AA_TEST_LONG === '1';

/** How often repetition cases repeat: a tenth in `npm test`, all in `npm run test:long`. */
export const ROUNDS = {
  long,
  of: (all: number): number => (long ? all : Math.ceil(all / 10)),
} as const;
