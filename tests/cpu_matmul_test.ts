// The generated matmul: any strides, block edges, vectors and folded batches, against the reference.
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { contractionModule } from "../cpu/contraction.ts";
import type { Operand } from "../cpu/machine.ts";
import { matmul } from "../cpu/matmul.ts";
import { reference } from "../cpu/reference.ts";
import type { DType } from "../ops/dtype.ts";
import { contiguous, type Shape } from "../ops/shape.ts";
import { testMachine } from "./machine.ts";
import { check } from "./property.ts";
import { type Layout, layouts, placeOperand } from "./views.ts";

const machine = testMachine();

/** Small integers: their products and sums are exact in float32, in any order and however they are rounded. */
const integers = [3, -7, 0, 5, 1, -2, 8, -5, 4, -1, 6, -8, 2];

/** Runs matmul and the reference on operands with the given values and layouts. */
function both(
  shapes: readonly [Shape, Shape],
  chosen: readonly [Layout, Layout],
  values: readonly number[] = integers,
  dtype: DType = "float32",
): { readonly actual: number[]; readonly expected: number[] } {
  machine.reset();
  const inputs = shapes.map((shape, n) => placeOperand(machine, dtype, values, shape, chosen[n]!));
  return { actual: run(inputs, dtype), expected: run(inputs, dtype, reference.matmul) };
}

function run(inputs: readonly Operand[], dtype: DType, implementation = matmul): number[] {
  const [a, b] = inputs as [Operand, Operand];
  const output = machine.output([...a.shape.slice(0, -1), b.shape.at(-1)!], dtype);
  implementation({ kind: "matmul" }, inputs, output, machine);
  return machine.read(output);
}

function rows(rank: number, order: readonly number[] = Array.from({ length: rank }, (_, axis) => axis)): Layout {
  const axes = order.map(() => ({ gap: 1, reversed: false, repeated: false }));
  return { order, axes, offset: 0, seed: 0 };
}

Deno.test("matmul: batches in any layout", () => {
  const size = fc.oneof(fc.nat(5), fc.nat(5), fc.constantFrom(8, 9, 16, 33));
  const cases = fc.tuple(fc.array(fc.nat(3), { maxLength: 3 }), size, size, size).chain(([batch, m, k, n]) => {
    const [a, b] = [[...batch, m, k], [...batch, k, n]];
    return fc.record({ a: fc.constant(a), b: fc.constant(b), ofA: layouts(a), ofB: layouts(b) });
  });
  check(cases, ({ a, b, ofA, ofB }) => {
    const { actual, expected } = both([a, b], [ofA, ofB]);
    assertEquals(actual, expected);
  }, { share: 12 });
});

Deno.test("matmul: edges of tiles and blocks, both orientations of both matrices", () => {
  const sizes = [1, 3, 4, 5, 8, 9, 127, 129, 255, 257, 300];
  const orders = [[0, 1], [1, 0]];
  // Each size in each place, beside sizes that change from case to case.
  for (const [i, some] of sizes.entries()) {
    const [next, third] = [sizes[(i + 4) % sizes.length]!, sizes[(i + 7) % sizes.length]!];
    for (const [m, k, n] of [[some, next, third], [third, some, next]] as const) {
      for (const orderA of orders) {
        for (const orderB of orders) {
          const { actual, expected } = both([[m, k], [k, n]], [rows(2, orderA), rows(2, orderB)]);
          assertEquals(actual, expected, `[${m},${k}]·[${k},${n}] by ${orderA} and ${orderB}`);
        }
      }
    }
  }
});

Deno.test("matmul: more columns than are packed at once", () => {
  const { actual, expected } = both([[3, 7], [7, 4099]], [rows(2), rows(2)]);
  assertEquals(actual, expected);
});

Deno.test("matmul: one B for the whole batch, with rows of A that lie evenly or not", () => {
  const shared: Layout = { ...rows(4), axes: [0, 0, 1, 1].map((own) => ({ gap: 1, reversed: false, repeated: !own })) };
  for (const order of [[0, 1, 2, 3], [1, 0, 2, 3], [2, 0, 1, 3], [0, 1, 3, 2]]) {
    for (const [m, k, n] of [[5, 9, 3], [1, 6, 8], [4, 3, 1], [140, 2, 10]] as const) {
      const { actual, expected } = both([[2, 3, m, k], [2, 3, k, n]], [rows(4, order), shared]);
      assertEquals(actual, expected, `[2,3,${m},${k}] by ${order}`);
    }
  }
});

Deno.test("matmul: errors stay within the bound of sums in any order", () => {
  const [m, k, n] = [37, 1500, 29];
  const values = Array.from({ length: 1009 }, (_, i) => Math.sin(i * i));
  const layout = rows(2);
  const { actual, expected } = both([[m, k], [k, n]], [layout, layout], values);
  const magnitudes = both([[m, k], [k, n]], [layout, layout], values.map(Math.abs)).expected;
  // k products and k − 1 sums, each off by at most half a unit in the last place of the sum of magnitudes, and the
  // rounding of the reference and of the magnitudes.
  const unit = (k + 2) * 2 ** -24;
  actual.forEach((value, i) => {
    const error = Math.abs(value - expected[i]!);
    assert(error <= unit * magnitudes[i]!, `element ${i} is ${value}, not ${expected[i]}`);
  });
});

Deno.test("matmul: NaN and ∞ stay in their rows and columns", () => {
  const values = [1, NaN, 2, -3, Infinity, 4, 0, 5, -Infinity, 6, 7, 8, 9, 10, 11, 12, 13];
  for (const [m, k, n] of [[5, 3, 3], [2, 6, 9], [1, 7, 5], [5, 6, 1]] as const) {
    const { actual, expected } = both([[m, k], [k, n]], [rows(2), { ...rows(2), seed: 9 }], values);
    assertEquals(actual, expected);
  }
});

Deno.test("matmul: other dtypes", () => {
  for (const dtype of ["float64", "int32", "uint32", "bool"] as const) {
    const values = dtype === "bool" ? [0, 1, 0, 0, 1] : [3, 1, 4, 1, 5, 9, 2];
    const { actual, expected } = both([[2, 3, 4], [2, 4, 5]], [rows(3), rows(3)], values, dtype);
    assertEquals(actual, expected, dtype);
  }
});

Deno.test("matmul: the code without relaxed operations computes the same", () => {
  const { memory } = machine;
  machine.reset();
  const plain = new WebAssembly.Instance(new WebAssembly.Module(contractionModule(false)), { env: { memory } }).exports;
  const dotRows = plain["dotRows"] as (...args: number[]) => void;
  const a = machine.put(Float32Array.from({ length: 30 }, (_, i) => integers[i % 13]!), "float32", contiguous([5, 6]));
  const x = machine.put(Float32Array.from(integers.slice(0, 6)), "float32", contiguous([6, 1]));
  const output = machine.output([5, 1], "float32");
  dotRows(a.address, 24, 5, x.address, 6, output.address);
  assertEquals(machine.read(output), run([a, x], "float32", reference.matmul));
});
