/**
 * How every property runs: with a fixed seed and a number of runs, which PROPERTY_SEED and PROPERTY_RUNS override.
 * PROPERTY_PATH replays one case, as the last line of a failure says. To the file PROPERTY_TALLY, if there is one, each
 * property adds a line that says how many cases of it ran.
 */

import * as fc from "fast-check";

/** Cases drawn for each property; all other numbers of runs are fractions of it. */
export const runs: number = Number(Deno.env.get("PROPERTY_RUNS") ?? 32);
const seed = Number(Deno.env.get("PROPERTY_SEED") ?? 1);
const path = Deno.env.get("PROPERTY_PATH");
/** Whether one case alone is to run. */
export const isReplay: boolean = path !== undefined;
const tally = Deno.env.get("PROPERTY_TALLY");

/** What a line of the tally says of one property. */
export interface Tally {
  readonly failed: boolean;
  /** Cases that ran. */
  readonly cases: number;
  /** Cases drawn and left out, as they did not meet a precondition. */
  readonly skipped: number;
}

export interface CheckOptions<T> {
  /** Failures found once, and cases that must not be left to chance. */
  readonly examples?: readonly T[] | undefined;
  /** What share of {@linkcode runs} is enough. */
  readonly share?: number | undefined;
  /** The name of the test, for the command that replays a failure. */
  readonly test?: string | undefined;
}

/** Throws unless `holds` returns for every drawn case; the message has the smallest failing one, its seed and path. */
export function check<T>(drawn: fc.Arbitrary<T>, holds: (one: T) => void, options: CheckOptions<T> = {}): void {
  const property = fc.property(drawn, holds);
  const given = parametersOf(options);
  judge(path === undefined ? fc.check(property, given) : replay(() => fc.check(property, { ...given, path })), options);
}

/** The same where a case takes its time. */
export async function checkAsync<T>(
  drawn: fc.Arbitrary<T>,
  holds: (one: T) => Promise<void>,
  options: CheckOptions<T> = {},
): Promise<void> {
  const property = fc.asyncProperty(drawn, holds);
  const given = parametersOf(options);
  try {
    const details = await fc.check(property, path === undefined ? given : { ...given, path });
    replayed++;
    judge(details, options);
  } catch (error) {
    passOver(error);
  }
}

function parametersOf<T>({ examples = [], share = 1 }: CheckOptions<T>): fc.Parameters<[T]> {
  const numRuns = examples.length + Math.ceil(runs * share);
  return { seed, numRuns, examples: examples.map((example): [T] => [example]) };
}

/** Throws if a property failed; nothing was run where there are no details. */
function judge<T>(details: fc.RunDetails<[T]> | null, { test }: CheckOptions<T>): void {
  if (details === null) return;
  const { failed, numRuns: cases, numSkips: skipped, counterexamplePath, errorInstance } = details;
  if (tally) {
    const line: Tally = { failed, cases, skipped };
    Deno.writeTextFileSync(tally, `${JSON.stringify(line)}\n`, { append: true });
  }
  if (!failed) return;
  const message = fc.defaultReportMessage(details) ?? "";
  throw new Error(`${message}\n${replayCommand(counterexamplePath, test)}`, { cause: errorInstance });
}

let replayed = 0;

/** What `run` finds, or null where the path is one of another property of the same test. */
function replay<T>(run: () => T): T | null {
  try {
    const details = run();
    replayed++;
    return details;
  } catch (error) {
    passOver(error);
    return null;
  }
}

/** Throws again, unless a path was that of another property. */
function passOver(error: unknown): void {
  if (!(error instanceof Error && error.message.startsWith("Unable to replay"))) throw error;
}

if (isReplay) {
  addEventListener("unload", () => {
    if (replayed > 0) return;
    throw new Error(
      `PROPERTY_PATH=${path} leads to no case of the properties that ran: ` +
        "it belongs to the file, the filter, PROPERTY_SEED and PROPERTY_RUNS that the failure named",
    );
  });
}

/** What matches just this text, as a regular expression between the double quotes of a shell. */
function quoted(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/[\\"$`]/g, "\\$&");
}

/** One line that runs the smallest failing case again. */
function replayCommand(casePath: string | null, test: string | undefined): string {
  const file = /\btests\/\w+_test\.ts/.exec(new Error().stack ?? "")?.[0] ?? "tests";
  const variables = `PROPERTY_SEED=${seed} PROPERTY_RUNS=${runs}${
    casePath === null ? "" : ` PROPERTY_PATH=${casePath}`
  }`;
  return `Replay: ${variables} deno test -A ${file}${test === undefined ? "" : ` --filter "/^${quoted(test)}$/"`}`;
}
