/** How every property runs: with a fixed seed and a number of runs, which PROPERTY_SEED and PROPERTY_RUNS override. */

import * as fc from "fast-check";

/** Cases drawn for each property; all other numbers of runs are fractions of it. */
export const runs: number = Number(Deno.env.get("PROPERTY_RUNS") ?? 32);
const seed = Number(Deno.env.get("PROPERTY_SEED") ?? 1);

export interface CheckOptions<T> {
  /** Failures found once, and cases that must not be left to chance. */
  readonly examples?: readonly T[] | undefined;
  /** What share of {@linkcode runs} is enough. */
  readonly share?: number | undefined;
}

/** Throws unless `holds` returns for every drawn case; the message has the smallest failing one, its seed and path. */
export function check<T>(cases: fc.Arbitrary<T>, holds: (drawn: T) => void, options: CheckOptions<T> = {}): void {
  const { examples = [], share = 1 } = options;
  const numRuns = examples.length + Math.ceil(runs * share);
  fc.assert(fc.property(cases, holds), { seed, numRuns, examples: examples.map((example): [T] => [example]) });
}
