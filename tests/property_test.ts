// What a failed property says, that its last line replays it, and that the run counts properties and cases.
import { assert, assertMatch } from "@std/assert";

const root = new URL("../", import.meta.url);

const source = (check: string) => `
import * as fc from "fast-check";
import { check } from "${check}";
Deno.test("are \\"small\\" (or not, $5)", () => check(fc.nat(), (n) => {
  if (n > 99) throw new Error("it is large");
}, { test: "are \\"small\\" (or not, $5)" }));
Deno.test("numbers are numbers", () => check(fc.nat(), (n) => {
  fc.pre(n % 2 === 0);
}));
`;

interface Run {
  readonly code: number;
  readonly text: string;
}

async function start(program: string, cwd: string, args: readonly string[], env = {}): Promise<Run> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", PROPERTY_TALLY: "", PROPERTY_RUNS: "20", PROPERTY_SEED: "1", ...env },
  }).output();
  return { code, text: [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("") };
}

Deno.test("properties: a failure is replayed by its last line, and counted by the run", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/tests`);
    const file = "tests/numbers_test.ts";
    await Deno.writeTextFile(`${folder}/${file}`, source(new URL("tests/property.ts", root).href));
    const config = ["--no-check", "--config", new URL("deno.json", root).pathname];
    const runner = new URL("tools/run_tests.ts", root).href;
    const run = await start(Deno.execPath(), folder, ["run", "-A", ...config, runner, "-A", ...config, file]);
    assert(run.code !== 0, run.text);
    assertMatch(run.text, /Counterexample: \[100\]/);
    assertMatch(run.text, /Caused by: Error: it is large/);
    const [, skipped] =
      /\n1 properties held over 20 cases, 1 failed; (\d+) cases more did not meet a precondition\n/.exec(run.text) ??
        [];
    assert(Number(skipped) > 0, run.text);

    const line = /Replay: (.*)/.exec(run.text)?.[1];
    assert(line !== undefined && line.includes(` deno test -A ${file} --filter `), run.text);
    const command = `${line.replace(" deno ", ` "${Deno.execPath()}" `)} ${config.join(" ")}`;
    const again = await start("sh", folder, ["-c", command]);
    assertMatch(again.text, /Property failed after 1 tests[^]*Counterexample: \[100\]/);
    assertMatch(again.text, /0 passed \| 1 failed \| 1 filtered out/);

    const nowhere = await start(Deno.execPath(), folder, ["test", "-A", ...config, file], { PROPERTY_PATH: "0:99:99" });
    assert(nowhere.code !== 0);
    assertMatch(nowhere.text, /PROPERTY_PATH=0:99:99 leads to no case of the properties that ran/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
