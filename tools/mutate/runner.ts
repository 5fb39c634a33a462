/**
 * Runs tests in this one process, in a copy of the library that has mutants compiled in: `cover` says which tests come
 * by which mutants; `try` turns one after the other on, as the lines that it reads say.
 */

import * as fc from "fast-check";
import { passed, turnOn, twins } from "./switch.ts";

export interface Test {
  readonly name: string;
  readonly ms: number;
  readonly passes: readonly number[];
}

export interface Covered {
  /** Mutants at whose place modules come while they load. */
  readonly atLoad: readonly number[];
  readonly tests: readonly Test[];
}

export interface Job {
  readonly mutant: number;
  /** The tests that may notice, by name and in their order. */
  readonly tests: readonly string[];
}

/** The first of the tests that failed, and its step; `isClean` if that passes again once the mutant is off. */
export interface Finding {
  readonly mutant: number;
  readonly test: string | null;
  readonly step: string;
  readonly isClean: boolean;
}

type Body = (t: unknown) => unknown;

const bodies = new Map<string, Body>();

/** Tests of other things, those that start processes, and those that fill the memory. */
const others = /^(blas|cpu_|house|property|train|types|ulp|url_import)/;
const heavy = /^memory: \d+ steps|^spilling|out of memory|does not make the budget/;

function collect(given: string | { readonly name: string; readonly fn: Body }, fn?: Body): void {
  const [name, body] = typeof given === "string" ? [given, fn!] : [given.name, given.fn];
  if (!heavy.test(name)) bodies.set(name, body);
}

async function load(): Promise<void> {
  Object.assign(Deno, { test: collect });
  // The smallest case that fails is of no interest here.
  fc.configureGlobal({ endOnFailure: true });
  const names = Array.from(Deno.readDirSync("tests"), ({ name }) => name).sort();
  for (const name of names.filter((name) => name.endsWith("_test.ts") && !others.test(name))) {
    await import(`../../tests/${name}`);
  }
  Object.assign(twins, await import("../../ops/mod.ts"));
}

/** The step of a test that fails, "" for the test itself, or null; of all its steps, or of one. */
async function failure(name: string, only?: string): Promise<string | null> {
  let at = "";
  const context = {
    step: async (step: string, body: Body): Promise<boolean> => {
      at = step;
      if (only === undefined || only === "" || only === step) await body(context);
      return true;
    },
  };
  try {
    await bodies.get(name)!(context);
    return null;
  } catch {
    return at;
  }
}

/** Whoever waits for these lines knows that the process still goes on. */
function say(line: unknown): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`\n${JSON.stringify(line)}\n`));
}

async function cover(): Promise<Covered> {
  const atLoad = [...passed];
  const tests: Test[] = [];
  for (const name of bodies.keys()) {
    say({ test: name });
    passed.clear();
    const started = performance.now();
    if (await failure(name) === null) tests.push({ name, ms: performance.now() - started, passes: [...passed] });
    else console.error(`"${name}" fails without any mutant, and is left out`);
  }
  return { atLoad, tests };
}

async function attempt({ mutant, tests }: Job): Promise<Finding> {
  for (const test of tests) {
    say({ test });
    turnOn(mutant);
    const step = await failure(test);
    turnOn(null);
    if (step !== null) return { mutant, test, step, isClean: await failure(test, step) === null };
  }
  return { mutant, test: null, step: "", isClean: true };
}

const [task, file] = Deno.args as [string, string];
await load();
if (task === "cover") {
  Deno.writeTextFileSync(file, JSON.stringify(await cover()));
} else {
  for (const job of JSON.parse(Deno.readTextFileSync(file)) as Job[]) {
    const finding = await attempt(job);
    say(finding);
    if (!finding.isClean) break;
  }
}
Deno.exit(0);
