// No primitive escapes the op table: each is part of what some row computes, or of its derivatives.
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import * as fc from "fast-check";
import { add, cast, sum } from "../ops/mod.ts";
import type { Primitive } from "../ops/primitive.ts";
import { trace } from "../ops/program.ts";
import type { Scalar } from "../ops/scalar.ts";
import type { Tensor } from "../ops/tensor.ts";
import { listOf } from "./close.ts";
import { pulledFrom, pushedFrom, shapedLike } from "./derivatives.ts";
import { type Operand, toTensor } from "./draw.ts";
import { table } from "./op_table.ts";
import { isFloat } from "./plain.ts";
import type { Row } from "./row.ts";

/** By house style the constant of a primitive is its name and P. */
function declared(): string[] {
  const folder = new URL("../ops/", import.meta.url);
  return [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".ts")).flatMap(({ name }) =>
    [...Deno.readTextFileSync(new URL(name, folder)).matchAll(/^(?:export )?const (\w+)P\b.* =/gm)].map(([, p]) => p!)
  ).sort();
}

/** The primitives of a row's program and of the programs of its first and second derivatives. */
function primitivesOf(row: Row, operands: readonly Operand[], settings: unknown): Primitive[] {
  const xs = operands.map((x) => toTensor(x));
  const whole = (all: readonly Tensor[]): readonly Tensor[] => listOf(row.call(all, settings));
  const smooth = xs.filter((x) => isFloat(x.dtype));
  const f = (some: readonly Tensor[]): Tensor[] => {
    let next = 0;
    return whole(xs.map((x) => (isFloat(x.dtype) ? some[next++]! : x))).filter((y) => isFloat(y.dtype));
  };
  const along = shapedLike(smooth, [1]);
  const back = (some: readonly Tensor[]): Tensor[] => pulledFrom(f, [1])([...some]);
  const programs = [trace("program", whole, xs.map((x) => x.type))];
  if (row.discrete === undefined && smooth.length > 0) {
    const types = smooth.map((x) => x.type);
    programs.push(trace("program", (some) => pushedFrom(back, along)([...some]), types));
    programs.push(trace("program", (some) => pushedFrom(f, along)([...some]), types));
  }
  return programs.flatMap(({ equations }) => equations.map(({ primitive }) => primitive));
}

Deno.test("op table: every primitive is reached by some row", () => {
  const reached = new Set<string>();
  for (const row of table.filter(({ valuesOnly }) => valuesOnly === undefined)) {
    for (const dtype of row.dtypes) {
      for (const { operands, settings } of fc.sample(row.draw(dtype, "derivative"), { seed: 1, numRuns: 8 })) {
        for (const { name } of primitivesOf(row, operands, settings)) reached.add(name);
      }
    }
  }
  const all = declared();
  assert(all.length > 80, `only ${all.length} primitives found`);
  assertEquals(all.filter((name) => !reached.has(name)), [], "no row reaches them");
  assertEquals([...reached].filter((name) => !all.includes(name)).sort(), [], "no constant is named after them");
});

Deno.test("primitives: the scalar expression of a kernel is one object, made once for each dtype", () => {
  const body = (f: (x: Tensor) => Tensor): Scalar => {
    const { equations, types } = trace("f", ([x]) => [f(x!)], [{ dtype: "float32", shape: [2] }]);
    const { primitive, inputs, params } = equations.at(-1)!;
    const kernel = primitive.kernel(inputs.map((slot) => types[slot]!), params);
    assert("body" in kernel);
    return kernel.body;
  };
  for (const f of [(x: Tensor) => cast(x, "int32"), (x: Tensor) => add(x, x), (x: Tensor) => sum(x)]) {
    assertStrictEquals(body(f), body(f));
  }
});
