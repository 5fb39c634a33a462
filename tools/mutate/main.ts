/**
 * Breaks the rules of operations, one at a time, in a temporary copy of the library, and lists which test notices:
 * `deno task mutants ops/reduction.ts`. `--only=3,7` takes some of the mutants, by their numbers.
 */

import { type Mutant, mutantsOf, namesOf } from "./mutants.ts";

const folders = ["ops", "grad", "jit", "cpu", "nn", "optim", "data", "tests", "tools"];
const files = ["deno.json", "deno.lock", "mod.ts"];
/** Tests of other things, and those that start processes. */
const others = /^(cpu_|data|disposal|house|memory|nn_|optim|property|random_(?!programs)|train|types|url_import)/;
const tests = Array.from(Deno.readDirSync("tests"), ({ name }) => name)
  .filter((name) => name.endsWith("_test.ts") && !others.test(name))
  .map((name) => `tests/${name}`);
/** A mutant that loops forever is noticed, too. */
const limitMs = 300_000;

function copyTree(from: string, to: string): void {
  if (Deno.statSync(from).isFile) return Deno.copyFileSync(from, to);
  Deno.mkdirSync(to, { recursive: true });
  for (const { name } of Deno.readDirSync(from)) copyTree(`${from}/${name}`, `${to}/${name}`);
}

/** The first test that fails, or null if all pass. */
async function firstFailure(copy: string, runs: number, chosen: readonly string[]): Promise<string | null> {
  const started = performance.now();
  const { code, stdout } = await new Deno.Command("deno", {
    args: ["test", "--no-check", "-A", "--fail-fast", ...chosen],
    cwd: copy,
    env: { PROPERTY_RUNS: `${runs}`, NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(limitMs),
  }).output();
  if (code === 0) return null;
  if (performance.now() - started >= limitMs) return "time limit";
  return /\n ERRORS \n\n(.*?) => /.exec(new TextDecoder().decode(stdout))?.[1] ?? "does not load";
}

function rowsOf(names: readonly string[]): string[] {
  return ["--filter", `/^op table: (${names.join("|")})$/`, "tests/op_table_test.ts"];
}

/** The table's test of the operation first, or those of the whole file where a rule serves several; then all tests. */
async function killer(copy: string, { path, text, owner }: Mutant, names: readonly string[]): Promise<string | null> {
  const target = `${copy}/${path}`;
  const original = Deno.readTextFileSync(target);
  Deno.writeTextFileSync(target, text);
  try {
    const rows = owner !== null && names.includes(owner) ? [owner] : names;
    return (rows.length > 0 ? await firstFailure(copy, 32, rowsOf(rows)) : null) ?? await firstFailure(copy, 6, tests);
  } finally {
    Deno.writeTextFileSync(target, original);
  }
}

interface Result {
  readonly mutant: Mutant;
  readonly by: string | null;
}

async function work(queue: Mutant[], results: Result[]): Promise<void> {
  const copy = Deno.makeTempDirSync();
  try {
    for (const name of [...folders, ...files]) copyTree(name, `${copy}/${name}`);
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const names = namesOf(Deno.readTextFileSync(mutant.path));
      results.push({ mutant, by: await killer(copy, mutant, names) });
    }
  } finally {
    Deno.removeSync(copy, { recursive: true });
  }
}

const only = Deno.args.find((arg) => arg.startsWith("--only="))?.slice("--only=".length).split(",").map(Number);

const unbroken = await firstFailure(".", 6, tests);
if (unbroken !== null) throw new Error(`"${unbroken}" fails without any mutant`);
for (const path of Deno.args.filter((arg) => !arg.startsWith("--"))) {
  const results: Result[] = [];
  const queue = mutantsOf(path).filter(({ number }) => only?.includes(number) ?? true);
  await Promise.all([work(queue, results), work(queue, results)]);
  results.sort((a, b) => a.mutant.number - b.mutant.number);
  const noticed = results.filter(({ by }) => by !== null).length;
  console.log(`\n## ${path}\n\n${noticed} of ${results.length} mutants are noticed.\n`);
  console.log("| mutant | rule | line | change | first test that fails |\n| --- | --- | --- | --- | --- |");
  for (const { mutant: { number, owner, line, change }, by } of results) {
    const cells = [
      number,
      owner ?? "",
      line,
      change.replaceAll("|", "\\|"),
      by?.replace("op table: ", "") ?? "**none**",
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}
