/** Runs test files in a page: the little of Deno and Node that they use, and what came of each test. */

interface Context {
  step(name: string, body: (t: Context) => unknown): Promise<boolean>;
}

interface Test {
  readonly name: string;
  readonly body: (t: Context) => unknown;
}

/** A test or a step of one, with why it failed, or null. */
export interface Outcome {
  readonly name: string;
  readonly failure: string | null;
}

export interface Outcomes {
  readonly outcomes: readonly Outcome[];
  /** What properties wrote of themselves (tests/property.ts). */
  readonly tally: string;
}

/** Runs the tests of a bundle. Variables stand for those of the environment. */
export async function run(bundle: string, variables: Readonly<Record<string, string>>): Promise<Outcomes> {
  const tests: Test[] = [];
  const outcomes: Outcome[] = [];
  let tally = "";
  const deno = {
    version: { deno: "none" },
    test: (name: string, body: Test["body"]): void => {
      tests.push({ name, body });
    },
    env: { get: (name: string): string | undefined => variables[name] },
    writeTextFileSync: (_path: string, text: string): void => {
      tally += text;
    },
  };
  Object.assign(globalThis, { Deno: deno });
  const attempt = async ({ name, body }: Test): Promise<boolean> => {
    let failure: string | null = null;
    let stepFailed = false;
    const step = async (part: string, body: Test["body"]): Promise<boolean> => {
      const ok = await attempt({ name: `${name}: ${part}`, body });
      stepFailed ||= !ok;
      return ok;
    };
    try {
      await body({ step });
    } catch (error) {
      failure = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    }
    outcomes.push({ name, failure });
    return failure === null && !stepFailed;
  };
  await import(bundle);
  for (const test of tests) await attempt(test);
  return { outcomes, tally };
}

/** As `inspect` of node:util, but brief. */
export function inspect(value: unknown): string {
  return JSON.stringify(value, (_, part) => ["number", "bigint"].includes(typeof part) ? String(part) : part);
}

/** As that of node:assert. */
export class AssertionError extends Error {
  override name = "AssertionError";

  constructor({ actual, expected }: { readonly actual: unknown; readonly expected: unknown }) {
    super(`got ${inspect(actual)}\nwant ${inspect(expected)}`);
  }
}
