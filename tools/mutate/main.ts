/**
 * Breaks the rules of primitives, one at a time, in a temporary copy of the library, and lists which test notices:
 * `deno task mutants ops/reduction.ts`. `--from=20 --count=20` takes a slice of the mutants.
 */

import { type Mutant, mutantsOf, namesOf } from "./mutants.ts";

const folders = ["ops", "grad", "jit", "cpu", "nn", "optim", "data", "tests", "tools"];
const tests = ["op_table", "random_programs", "transforms", "kinks"];
const files = ["deno.json", "deno.lock", "mod.ts"];
/** A mutant that loops forever is noticed, too. */
const limitMs = 60_000;

function copyTree(from: string, to: string): void {
  if (Deno.statSync(from).isFile) return Deno.copyFileSync(from, to);
  Deno.mkdirSync(to, { recursive: true });
  for (const { name } of Deno.readDirSync(from)) copyTree(`${from}/${name}`, `${to}/${name}`);
}

/** The first test that fails, or null if all pass. */
async function firstFailure(copy: string, filter: string): Promise<string | null> {
  const command = new Deno.Command("deno", {
    args: [
      "test",
      "--no-check",
      "-A",
      "--fail-fast",
      "--filter",
      filter,
      ...tests.map((name) => `tests/${name}_test.ts`),
    ],
    cwd: copy,
    env: { PROPERTY_RUNS: "6", NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(limitMs),
  });
  const started = performance.now();
  const { code, stdout } = await command.output();
  if (code === 0) return null;
  if (performance.now() - started >= limitMs) return "time limit";
  const name = /\n ERRORS \n\n(.*?) => /.exec(new TextDecoder().decode(stdout))?.[1];
  return name ?? "does not load";
}

function filterOf(names: readonly string[]): string {
  return `/^(op table: (${names.join("|")})$|random programs|transforms|kinks)/`;
}

/** The test of the rule's own operation first, then all that use the file. */
async function killer(
  copy: string,
  { path, text, primitive }: Mutant,
  names: readonly string[],
): Promise<string | null> {
  const target = `${copy}/${path}`;
  const original = Deno.readTextFileSync(target);
  Deno.writeTextFileSync(target, text);
  try {
    const own = primitive === null ? null : await firstFailure(copy, `/^op table: ${primitive}$/`);
    return own ?? await firstFailure(copy, filterOf(names));
  } finally {
    Deno.writeTextFileSync(target, original);
  }
}

const option = (name: string, fallback: number): number =>
  Number(Deno.args.find((arg) => arg.startsWith(`--${name}=`))?.split("=")[1] ?? fallback);
const paths = Deno.args.filter((arg) => !arg.startsWith("--"));
const mutants = paths.flatMap((path) => mutantsOf(path, Deno.readTextFileSync(path)))
  .slice(option("from", 0), option("from", 0) + option("count", Infinity));
const names = new Map(paths.map((path) => [path, namesOf(Deno.readTextFileSync(path))]));

const results: { readonly mutant: Mutant; readonly by: string | null }[] = [];
let next = 0;
async function work(): Promise<void> {
  const copy = Deno.makeTempDirSync();
  try {
    for (const name of [...folders, ...files]) copyTree(name, `${copy}/${name}`);
    for (const unchanged of names.values()) {
      const failing = await firstFailure(copy, filterOf(unchanged));
      if (failing !== null) throw new Error(`"${failing}" fails without any mutant`);
    }
    while (next < mutants.length) {
      const mutant = mutants[next++]!;
      results.push({ mutant, by: await killer(copy, mutant, names.get(mutant.path)!) });
    }
  } finally {
    Deno.removeSync(copy, { recursive: true });
  }
}
await Promise.all([work(), work()]);

const row = ({ mutant: { path, line, change }, by }: (typeof results)[number]) =>
  `| ${path}:${line} | ${change.replaceAll("|", "\\|")} | ${by ?? "**survives**"} |`;
const killed = results.filter(({ by }) => by !== null);
const survivors = results.filter(({ by }) => by === null);
console.log(`${killed.length} of ${results.length} mutants are noticed.\n`);
console.log(["| rule | change | first test that fails |", "| --- | --- | --- |"].join("\n"));
console.log([...killed, ...survivors].map(row).join("\n"));
