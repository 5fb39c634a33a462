/** What the tests noticed, in Markdown: grouped by the rule, by the test that was the first to notice, and by the place. */

import type { Mutant } from "./mutants.ts";

export interface Result {
  readonly mutant: Mutant;
  /** The first test that failed, if any. */
  readonly by: string | null;
}

export function report(paths: readonly string[], results: readonly Result[]): string {
  return paths.map((path) => section(path, results.filter(({ mutant }) => mutant.path === path))).join("\n");
}

function section(path: string, results: readonly Result[]): string {
  const left = results.filter(({ by }) => by === null);
  const rules = Map.groupBy(results.filter(({ by }) => by !== null), ({ mutant }) => ruleOf(mutant));
  return [
    `## ${path}\n`,
    `${results.length - left.length} of ${results.length} mutants are noticed.\n`,
    ...left.map(({ mutant }) => `- **not noticed**, line ${mutant.line}, ${ruleOf(mutant)}: ${change(mutant)}`),
    ...[...rules].flatMap(([rule, all]) => [`\n${rule}:\n`, ...[...Map.groupBy(all, ({ by }) => by!)].map(byTest)]),
    "",
  ].join("\n");
}

function ruleOf({ owner }: Mutant): string {
  return owner ?? "other parts";
}

function byTest([test, results]: readonly [string, readonly Result[]]): string {
  const lines = Map.groupBy(results.map(({ mutant }) => mutant), ({ line }) => line);
  const said = [...lines].map(([line, mutants]) => {
    const places = Map.groupBy(mutants, ({ from }) => brief(from, 8, 3));
    const changes = [...places].map(([from, all]) =>
      `\`${from} → ${all.map(({ to }) => brief(to, 8, 3)).join(" | ")}\``
    );
    return `${line} ${changes.join(", ")}`;
  });
  return `- ${test.replace("op table: ", "")}: ${said.join("; ")}`;
}

export function change({ from, to }: Mutant): string {
  return `\`${brief(from, 20, 10)} → ${brief(to, 20, 10)}\``;
}

/** One line, and its ends alone where it is long. */
function brief(code: string, head: number, tail: number): string {
  const line = code.replaceAll(/\s+/g, " ").replaceAll("twins.", "").replaceAll("`", "'");
  return line.length <= head + tail + 2 ? line : `${line.slice(0, head).trim()}..${line.slice(-tail).trim()}`;
}
