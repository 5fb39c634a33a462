/**
 * How every property runs: with a fixed seed and a number of runs, which PROPERTY_SEED and PROPERTY_RUNS override.
 * PROPERTY_PATH replays one case, as the last line of a failure says.
 */

import * as fc from "fast-check";

/** Cases drawn for each property; all other numbers of runs are fractions of it. */
export const runs: number = Number(Deno.env.get("PROPERTY_RUNS") ?? 32);
const seed = Number(Deno.env.get("PROPERTY_SEED") ?? 1);
const path = Deno.env.get("PROPERTY_PATH");

export interface CheckOptions<T> {
  /** Failures found once, and cases that must not be left to chance. */
  readonly examples?: readonly T[] | undefined;
  /** What share of {@linkcode runs} is enough. */
  readonly share?: number | undefined;
  /** The name of the test, for the command that replays a failure. */
  readonly test?: string | undefined;
}

/** Throws unless `holds` returns for every drawn case; the message has the smallest failing one, its seed and path. */
export function check<T>(cases: fc.Arbitrary<T>, holds: (drawn: T) => void, options: CheckOptions<T> = {}): void {
  const { examples = [], share = 1, test } = options;
  const numRuns = examples.length + Math.ceil(runs * share);
  const property = fc.property(cases, holds);
  const given = { seed, numRuns, examples: examples.map((example): [T] => [example]) };
  const details = path === undefined ? fc.check(property, given) : replay(() => fc.check(property, { ...given, path }));
  if (details === null || !details.failed) return;
  const { counterexamplePath, errorInstance } = details;
  const message = fc.defaultReportMessage(details) ?? "";
  throw new Error(`${message}\n${replayCommand(counterexamplePath, test)}`, { cause: errorInstance });
}

/** What `run` finds, or null where the path is one of another property of the same test. */
function replay<T>(run: () => T): T | null {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith("Unable to replay"))) throw error;
    console.log("PROPERTY_PATH leads to no case of this property");
    return null;
  }
}

/** One line that runs the smallest failing case again. */
function replayCommand(casePath: string | null, test: string | undefined): string {
  const file = /\btests\/\w+_test\.ts/.exec(new Error().stack ?? "")?.[0] ?? "tests";
  const variables = `PROPERTY_SEED=${seed} PROPERTY_RUNS=${runs}${
    casePath === null ? "" : ` PROPERTY_PATH=${casePath}`
  }`;
  return `Replay: ${variables} deno test -A ${file}${test === undefined ? "" : ` --filter "/^${test}$/"`}`;
}
