/** Runs `deno test` with the arguments given, then says how many properties held over how many cases. */

import type { Tally } from "../tests/property.ts";

const tally = Deno.makeTempFileSync();
try {
  const tests = new Deno.Command(Deno.execPath(), { args: ["test", ...Deno.args], env: { PROPERTY_TALLY: tally } });
  const { code } = await tests.spawn().status;
  console.log(summary(Deno.readTextFileSync(tally)));
  Deno.exitCode = code;
} finally {
  Deno.removeSync(tally);
}

/** What all lines of a tally say together; a property that ran no case did not hold. */
function summary(lines: string): string {
  const properties = lines.split("\n").filter((line) => line !== "").map((line): Tally => JSON.parse(line));
  const total = (of: (one: Tally) => number): string =>
    properties.reduce((sum, one) => sum + of(one), 0).toLocaleString("en-US");
  const held = total(({ failed, cases }) => Number(!failed && cases > 0));
  const cases = total(({ failed, cases }) => (failed ? 0 : cases));
  const failed = total(({ failed }) => Number(failed));
  const skipped = total(({ skipped }) => skipped);
  return `${held} properties held over ${cases} cases` +
    (failed === "0" ? "" : `, ${failed} failed`) +
    (skipped === "0" ? "" : `; ${skipped} cases more did not meet a precondition`);
}
