// Generated reductions on the GPU: any views, axes and bodies like the reference, special values, and exact sums.
import { assert } from "@std/assert";
import * as fc from "fast-check";
import type { Operand } from "../cpu/machine.ts";
import type { KernelOf } from "../ops/kernel.ts";
import { input } from "../ops/scalar.ts";
import { dropAxes, type Shape } from "../ops/shape.ts";
import { compare, prepare, type Told, ways } from "./gpu_kernels.ts";
import { checkAsync } from "./property.ts";
import { given, reductions, x } from "./reductions.ts";
import { arrayOf, machine } from "./reference.ts";
import { placeOperand } from "./views.ts";

async function expectReference(
  kernel: KernelOf<"reduce">,
  inputs: readonly Operand[],
  told: Told = {},
): Promise<void> {
  const type = { dtype: kernel.body.dtype, shape: dropAxes(inputs[0]!.shape, kernel.axes) };
  await compare(kernel, inputs, [type], { told });
}

Deno.test("gpu reduce: any body over any axes of any views", async () => {
  const cases = fc.tuple(reductions(), fc.constantFrom<Told>({}, { hasFloat16: false }));
  await checkAsync(cases, async ([{ shape, axes, combiner, body, views }, told]) => {
    machine.reset();
    const inputs = given.map(({ dtype, values }, n) => placeOperand(machine, dtype, values, shape, views[n]!));
    await expectReference({ kind: "reduce", combiner, axes, body }, inputs, told);
  }, { share: 4 });
});

const once = { gap: 1, reversed: false, repeated: false };

Deno.test("gpu reduce: long axes in parts, along rows and across columns", async () => {
  const cases: readonly [Shape, number[]][] = [
    [[70000], [0]],
    [[3, 40003], [1]],
    [[40003, 3], [0]],
    [[5000, 8], [0]],
    [[2100, 2, 1000], [0, 2]],
    [[300, 129], [1]],
    [[257, 516], [1]],
    [[33, 4, 700], [0, 2]],
  ];
  for (const [shape, axes] of cases) {
    for (const [n, { dtype, values }] of given.entries()) {
      machine.reset();
      const plain = { order: [...shape.keys()], axes: shape.map(() => once), offset: 0, seed: 0 };
      const operand = placeOperand(machine, dtype, values, shape, plain);
      const combiner = dtype === "float16" ? "max" : n % 2 === 0 ? "sum" : "min";
      await expectReference({ kind: "reduce", combiner, axes, body: input(0, dtype) }, [operand]);
    }
  }
});

Deno.test("gpu reduce: extremes at special values, along rows and across columns", async () => {
  const values = [-0, 0, 1, NaN, -Infinity, 3, Infinity];
  for (const combiner of ["max", "min", "sum"] as const) {
    for (const shape of [[2], [9], [70], [9, 4], [20, 33]]) {
      const plain = { order: shape.map((_, axis) => axis), axes: shape.map(() => once), offset: 0, seed: 0 };
      // All of them, and those without NaN, which hides the others.
      for (const some of [values, [-0, 0], [-0], [-Infinity, -0, 5], [Infinity, 0, -0]]) {
        for (const dtype of ["float32", "float16"] as const) {
          machine.reset();
          const operand = placeOperand(machine, dtype, some, shape, plain);
          for (const axis of shape.keys()) {
            await expectReference({ kind: "reduce", combiner, axes: [axis], body: input(0, dtype) }, [operand]);
          }
        }
      }
    }
  }
});

Deno.test("gpu reduce: extremes of subnormal numbers", async () => {
  machine.reset();
  const operand = machine.put(arrayOf([1e-45, -1e-45, 2e-40, -3e-40], "float32"), "float32");
  for (const combiner of ["max", "min"] as const) {
    await expectReference({ kind: "reduce", combiner, axes: [0], body: x }, [operand]);
  }
});

/** The sum of a view in all ways, and what it should be. */
async function sums(shape: Shape, axis: number, values: Float32Array): Promise<{ sum: number[]; exact: number }> {
  machine.reset();
  const strides = shape.length === 1 ? [1] : [shape[1]!, 1];
  const operand = machine.put(values, "float32", { shape, strides, offset: 0 });
  const sum: number[] = [];
  for (const way of ways) {
    const kernel = { kind: "reduce", combiner: "sum", axes: [axis], body: x } as const;
    const prepared = prepare(kernel, [operand], [{ dtype: "float32", shape: dropAxes(shape, [axis]) }], way);
    prepared.run();
    sum.push(...(await prepared.read())[0]!.data);
    prepared.release();
  }
  return { sum, exact: values.reduce((sum, value) => sum + value, 0) };
}

Deno.test("gpu reduce: ten million equal addends keep six digits", async () => {
  const n = 10_000_000;
  const tenths = new Float32Array(n).fill(0.1);
  const along = await sums([n], 0, tenths);
  for (const sum of along.sum) assert(Math.abs(sum / along.exact - 1) < 1e-6);
  const across = await sums([n / 4, 4], 0, tenths);
  for (const sum of across.sum) assert(Math.abs(4 * sum / across.exact - 1) < 1e-6);
});

Deno.test("gpu reduce: a sum's error is a few units of its largest partial sum, however many addends", async () => {
  const n = 1 << 18;
  // A fixed sequence that looks random, between -1 and 1.
  const values = Float32Array.from({ length: n }, (_, k) => Math.sin(k * k));
  const magnitude = values.reduce((sum, value) => sum + Math.abs(value), 0);
  const { sum, exact } = await sums([n], 0, values);
  // Runs of 16 additions of runs of 64 of parts, each rounding by half a unit.
  for (const one of sum) assert(Math.abs(one - exact) <= 100 * 2 ** -25 * magnitude);
});
