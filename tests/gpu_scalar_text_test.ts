// The WGSL that scalar expressions become, by snapshot: it needs no GPU.
import { assertEquals, assertThrows } from "@std/assert";
import { assertSnapshot } from "@std/testing/snapshot";
import { Functions, literal } from "../gpu/functions/library.ts";
import { Names, writeScalar } from "../gpu/scalar.ts";
import { type DType, dtypes } from "../ops/dtype.ts";
import * as s from "../ops/scalar.ts";
import type { Scalar } from "../ops/scalar.ts";

/** The functions that an expression calls, its statements, and its value. */
function textOf(body: Scalar): string {
  const functions = new Functions();
  const leaf = (node: Scalar): string => (node.op === "input" ? `x${node.index}` : node.op === "index" ? "i0" : "?");
  const { statements, result } = writeScalar(body, leaf, new Names(), functions);
  return `${functions.text}\n${statements}\n${result}`;
}

const [x, y] = [s.input(0, "float32"), s.input(1, "float32")];
const [i, j] = [s.input(0, "int32"), s.input(1, "int32")];
const [h, b] = [s.input(0, "float16"), s.input(1, "bool")];

const expressions: Readonly<Record<string, Scalar>> = {
  "an input alone": x,
  "a constant alone": s.constant(-0.1, "float32"),
  "relu": s.select(s.binary("lt", s.constant(0, "float32"), x), x, s.constant(0, "float32")),
  "sigmoid": s.binary(
    "div",
    s.constant(1, "float32"),
    s.binary("add", s.constant(1, "float32"), s.unary("exp", s.unary("neg", x))),
  ),
  "tanh": s.unary("tanh", x),
  "a difference of a sum": s.binary("sub", s.binary("add", x, y), x),
  "constants alone": s.binary("mul", s.constant(2 ** 31 - 1, "int32"), s.constant(2, "int32")),
  "float16 is rounded after each operation": s.binary("mul", s.binary("add", h, h), h),
  "integers and bools": s.select(b, s.binary("div", i, j), s.binary("shl", s.unary("neg", i), s.axisIndex(0))),
  "casts": s.cast(s.cast(s.cast(x, "int32"), "uint32"), "float16"),
};

for (const [name, body] of Object.entries(expressions)) {
  Deno.test(`gpu scalar text: ${name}`, async (t) => {
    await assertSnapshot(t, textOf(body));
  });
}

Deno.test("gpu scalar text: a shared node is written once", () => {
  const square = s.binary("mul", x, x);
  const fourth = s.binary("mul", square, square);
  assertEquals(textOf(fourth), "\nlet v0 = x0 * x0;\nlet v1 = v0 * v0;\nv1");
});

Deno.test("gpu scalar text: what a leaf is read by is read once", () => {
  const { statements } = writeScalar(s.binary("mul", x, x), () => "buffer[i]", new Names(), new Functions());
  assertEquals(statements, "let v0 = buffer[i];\nlet v1 = v0 * v0;");
});

Deno.test("gpu scalar text: functions come after those that they call, each once", () => {
  const functions = new Functions();
  functions.use("log1p_f32");
  functions.use("exp_f32");
  functions.use("log1p_f32");
  const defined = [...functions.text.matchAll(/^(?:fn|struct) (\w+)/gm)].map(([, name]) => name!);
  assertEquals(new Set(defined).size, defined.length);
  for (const [n, name] of defined.entries()) {
    const body = functions.text.slice(functions.text.indexOf(` ${name}`));
    const called = [...body.slice(0, body.indexOf("\n}")).matchAll(/\b(\w+)\(/g)].map(([, callee]) => callee!);
    assertEquals(called.filter((callee) => defined.indexOf(callee) > n), []);
  }
});

Deno.test("gpu scalar text: literals", () => {
  const functions = new Functions();
  const literals = (values: readonly number[], dtype: DType) => values.map((value) => literal(value, dtype, functions));
  assertEquals(literals([1, -1, 0.1, 1e30, 2 ** -149, 0, -0, NaN, Infinity, -Infinity], "float32"), [
    "1.0f",
    "(-1.0f)",
    "0.10000000149011612f",
    "1.0000000150474662e+30f",
    "ofBits_f32(0x1u)",
    "0.0f",
    "ofBits_f32(0x80000000u)",
    "nan_f32()",
    "infinity_f32()",
    "(-infinity_f32())",
  ]);
  assertEquals(literals([0.1, 65520], "float16"), ["0.0999755859375f", "infinity_f32()"]);
  assertEquals(literals([5, -5, 2 ** 31], "int32"), ["5i", "(-5i)", "i32(-2147483648)"]);
  assertEquals(literals([5, -1], "uint32"), ["5u", "4294967295u"]);
  assertEquals(literals([0, 1, NaN], "bool"), ["false", "true", "true"]);
});

Deno.test("gpu scalar text: what there is not is refused", () => {
  assertThrows(
    () => textOf(s.unary("exp", i)),
    TypeError,
    "gpu cannot compute exp of integers: cast() to float32 first",
  );
  assertThrows(() => textOf(s.unary("exp", b)), TypeError, "gpu cannot compute exp of bools: cast() to a number first");
  assertThrows(
    () => textOf(s.binary("xor", x, y)),
    TypeError,
    "gpu cannot compute xor of floats: only integers have it",
  );
  assertThrows(() => textOf(s.constant(1, "float64")), TypeError, "float64");
  for (const dtype of dtypes) {
    const refuses = dtype === "float64";
    const text = () => textOf(s.unary("neg", s.input(0, dtype)));
    if (refuses) assertThrows(text, TypeError, "float64");
    else text();
  }
});
