/**
 * Breaks the rules of operations, one at a time, and lists which test notices: `deno task mutants ops/reduction.ts`.
 * All mutants of the named files are compiled into temporary copies of the library, each behind a switch.
 */

import { compile } from "./compile.ts";
import { type Mutant, mutantsOf, namesOf, textOf } from "./mutants.ts";
import { change, report } from "./report.ts";
import type { Covered, Finding, Job } from "./runner.ts";

const folders = ["ops", "grad", "jit", "cpu", "nn", "optim", "data", "tests", "tools"];
const files = ["deno.json", "deno.lock", "mod.ts"];
/** Cases of each property: few for all mutants, then more for those that are left. */
const [few, many] = [2, 12];
/** A mutant with which one test takes longer is noticed, too. */
const limitMs = 60_000;
/** How long all tests of one mutant may take together, as they take without any: those that take longest are left out. */
const patienceMs = 20_000;

/** A place of work: a copy of the library with all mutants in it, for one process at a time. */
interface Copy {
  readonly folder: string;
  readonly cases: number;
}

function copyTree(from: string, to: string): void {
  if (Deno.statSync(from).isFile) return Deno.copyFileSync(from, to);
  Deno.mkdirSync(to, { recursive: true });
  for (const { name } of Deno.readDirSync(from)) copyTree(`${from}/${name}`, `${to}/${name}`);
}

/** What is compiled for a mutant must not be met again without it: programs are not kept, unless that is in question. */
function forgetPrograms(folder: string): void {
  const path = `${folder}/ops/derived.ts`;
  const source = Deno.readTextFileSync(path);
  const kept = "programs.set(key, program)";
  if (!source.includes(kept)) throw new Error(`${path} does not keep its programs by ${kept}`);
  Deno.writeTextFileSync(path, source.replace(kept, "undefined"));
}

/** Runs `task` in a process of its own; whether it ended by itself. */
async function run(
  { folder, cases }: Copy,
  task: "cover" | "try",
  jobs: readonly Job[],
  mutant: number | null,
  hear: (finding: Finding) => void,
): Promise<"ended" | "crash" | "time limit"> {
  Deno.writeTextFileSync(`${folder}/jobs.json`, JSON.stringify(jobs));
  const process = new Deno.Command("deno", {
    args: ["run", "--no-check", "-A", "tools/mutate/runner.ts", task, "jobs.json"],
    cwd: folder,
    env: { PROPERTY_RUNS: `${cases}`, MUTANT: `${mutant ?? -1}`, NO_COLOR: "1" },
    stdout: "piped",
    stderr: task === "cover" ? "inherit" : "null",
  }).spawn();
  let late = false;
  const stop = (): void => {
    late = true;
    process.kill("SIGKILL");
  };
  let timer = setTimeout(stop, limitMs);
  let left = "";
  for await (const chunk of process.stdout.pipeThrough(new TextDecoderStream())) {
    clearTimeout(timer);
    const lines = (left + chunk).split("\n");
    left = lines.pop()!;
    for (const line of lines) if (line.startsWith('{"mutant"')) hear(JSON.parse(line));
    timer = setTimeout(stop, limitMs);
  }
  clearTimeout(timer);
  return late ? "time limit" : (await process.status).success ? "ended" : "crash";
}

/** Tries mutants in as few processes as go: a new one where a mutant left something behind, or did not end. */
async function attempt(
  copy: Copy,
  jobs: readonly Job[],
  found: (mutant: number, by: string | null) => void,
): Promise<void> {
  for (let next = 0; next < jobs.length;) {
    const first = next;
    let doubtful: Finding | null = null;
    const end = await run(copy, "try", jobs.slice(next), null, (finding) => {
      if (!finding.isClean) doubtful = finding;
      else found(jobs[next++]!.mutant, nameOf(finding));
    });
    if (end !== "ended" && next < jobs.length) found(jobs[next++]!.mutant, end);
    // After others, the fault may be theirs: it is tried again then.
    else if (doubtful !== null && next === first) found(jobs[next++]!.mutant, await judged(copy, doubtful));
  }
}

function nameOf({ test, step }: Finding): string | null {
  return test === null || step === "" ? test : `${test} ... ${step}`;
}

/** What a test that fails without the mutant, too, has noticed: something if it passes in a new process. */
async function judged(copy: Copy, finding: Finding): Promise<string | null> {
  let passes = false;
  const without = { mutant: -1, tests: [finding.test!] };
  await run(copy, "try", [without], null, ({ test }) => passes = test === null);
  if (!passes) console.error(`"${finding.test}" fails without any mutant`);
  return passes ? nameOf(finding) : null;
}

/** A mutant that is at work while modules load, or has no switch and comes as `text`, in a process of its own. */
async function attemptAlone(copy: Copy, job: Job, path: string, text: string | null): Promise<string | null> {
  const target = `${copy.folder}/${path}`;
  const compiled = Deno.readTextFileSync(target);
  if (text !== null) Deno.writeTextFileSync(target, text);
  let heard: Finding | null = null as Finding | null;
  const end = await run(copy, "try", [job], job.mutant, (finding) => heard = finding);
  Deno.writeTextFileSync(target, compiled);
  if (heard === null) return end === "time limit" ? end : "does not load";
  return heard.test === null ? null : await judged(copy, heard);
}

const paths = Deno.args;
const sources = new Map(paths.map((path) => [path, Deno.readTextFileSync(path)]));
const mutants: Mutant[] = [];
const compiled = new Map<string, string>();
/** Numbers of mutants without a place for a switch. */
const apart = new Set<number>();
for (const [path, source] of sources) {
  const own = mutantsOf(path);
  const added = mutants.length;
  const { text, apart: ownApart } = compile(path, source, own, added);
  compiled.set(path, text);
  for (const { number } of ownApart) apart.add(number + added);
  mutants.push(...own);
  console.error(`${path}: ${own.length} mutants, ${ownApart.length} without a switch`);
}

function makeCopy(): string {
  const folder = Deno.makeTempDirSync();
  for (const name of [...folders, ...files]) copyTree(name, `${folder}/${name}`);
  for (const [path, text] of compiled) Deno.writeTextFileSync(`${folder}/${path}`, text);
  if (!compiled.has("ops/derived.ts")) forgetPrograms(folder);
  return folder;
}

const copies = [makeCopy(), makeCopy()];
const noticed = new Map<number, string | null>();
try {
  if (await run({ folder: copies[0]!, cases: few }, "cover", [], null, () => {}) !== "ended") {
    throw new Error("The tests do not run without any mutant");
  }
  const { atLoad, tests }: Covered = JSON.parse(Deno.readTextFileSync(`${copies[0]}/jobs.json`));
  console.error(`${tests.length} tests pass without any mutant`);
  const passes = new Map(tests.map((test) => [test, new Set(test.passes)]));
  const alone = new Set([...atLoad, ...apart]);
  /** The row of the operation first, then those of the file, then all that come by its place; the fast ones first. */
  const jobOf = (mutant: number, cases: number): Job => {
    const { path, owner } = mutants[mutant]!;
    const rows = namesOf(sources.get(path)!).map((name) => `op table: ${name}`);
    const rank = (name: string): number => name === `op table: ${owner}` ? 0 : rows.includes(name) ? 1 : 2;
    // With many cases a row may come by what it did not come by with few.
    const among = tests.filter((test) =>
      alone.has(mutant) || passes.get(test)!.has(mutant) || (cases === many && rank(test.name) < 2)
    );
    const inOrder = among.toSorted((a, b) => rank(a.name) - rank(b.name) || a.ms - b.ms);
    let ms = 0;
    const inTime = inOrder.filter((test) => (ms += test.ms * cases / few) <= patienceMs);
    return { mutant, tests: inTime.map(({ name }) => name) };
  };
  const found = (mutant: number, by: string | null): void => {
    noticed.set(mutant, by);
    const { path, line } = mutants[mutant]!;
    console.error(`${path}:${line} ${change(mutants[mutant]!)}: ${by ?? "not noticed"}`);
  };
  for (const cases of [few, many]) {
    const left = mutants.flatMap((_, i) => alone.has(i) || (noticed.get(i) ?? null) !== null ? [] : [i])
      .map((i) => jobOf(i, cases));
    await Promise.all(
      copies.map((folder, k) => attempt({ folder, cases }, left.filter((_, i) => i % copies.length === k), found)),
    );
  }
  const queue = [...alone];
  await Promise.all(copies.map(async (folder) => {
    for (let i = queue.shift(); i !== undefined; i = queue.shift()) {
      const { path } = mutants[i]!;
      const text = apart.has(i) ? textOf(sources.get(path)!, mutants[i]!) : null;
      found(i, await attemptAlone({ folder, cases: many }, jobOf(i, many), path, text));
    }
  }));
} finally {
  for (const folder of copies) Deno.removeSync(folder, { recursive: true });
}
console.log(report(paths, mutants.map((mutant, i) => ({ mutant, by: noticed.get(i) ?? null }))));
