// The lint plugin finds comparisons of tensors used as conditions, and nothing else.
import { assertEquals } from "@std/assert";
import plugin from "./tensor_condition.ts";

const imports = `import { less as below, all, mul } from "@pullback/pullback"; import * as pb from "../mod.ts";`;

function found(code: string): string[] {
  return Deno.lint.runPlugin(plugin, "x.ts", `${imports}\n${code}`).map(({ message }) => message.split("(")[0]!);
}

Deno.test("lint: a comparison of tensors is no condition", () => {
  assertEquals(found("if (below(x, 1)) f();"), ["less"]);
  assertEquals(found("while (pb.isNaN(x)) f();"), ["isNaN"]);
  assertEquals(found("const y = all(x) ? 1 : 2;"), ["all"]);
  assertEquals(found("const y = !pb.equal(x, 1);"), ["equal"]);
  assertEquals(found("if (all(x) && below(x, 1)) f();").sort(), ["all", "less"]);
  assertEquals(found("for (; all(x);) f();"), ["all"]);
  assertEquals(found("do { f(); } while (all(x));"), ["all"]);
});

Deno.test("lint: values that were read, other functions and JavaScript's own are conditions", () => {
  assertEquals(found("if (below(x, 1).item()) f();"), []);
  assertEquals(found("if (isNaN(x) || mul(x, y)) f();"), []);
  assertEquals(found("const y = x && all(x);"), []);
  assertEquals(found("const y = pb.where(all(x), 1, 2);"), []);
  assertEquals(Deno.lint.runPlugin(plugin, "x.ts", `import { all } from "./all.ts"; if (all(x)) f();`), []);
});
