// Generated loops around rows on the GPU: any stages and outputs over any axes of any views like the reference.
import { assert } from "@std/assert";
import * as fc from "fast-check";
import type { Operand } from "../cpu/machine.ts";
import type { KernelOf, Stage } from "../ops/kernel.ts";
import { binary, input, unary } from "../ops/scalar.ts";
import { dropAxes, type Shape } from "../ops/shape.ts";
import type { Allowance } from "./close.ts";
import { compare, connection, prepare, type Told, ways } from "./gpu_kernels.ts";
import { machineOf } from "../gpu/device.ts";
import { choices, emptyLoops, given, kernelOf } from "./loops.ts";
import { checkAsync } from "./property.ts";
import { machine } from "./reference.ts";
import { layouts, placeOperand, shapes } from "./views.ts";

async function expectReference(
  kernel: KernelOf<"loop">,
  inputs: readonly Operand[],
  options: { allowance?: Allowance; told?: Told } = {},
): Promise<void> {
  const types = kernel.outputs.map(({ body: { dtype }, perRow }) => ({
    dtype,
    shape: perRow ? dropAxes(kernel.shape, kernel.axes) : kernel.shape,
  }));
  await compare(kernel, inputs, types, options);
}

Deno.test("gpu loop: any stages and outputs over any axes of any views", async () => {
  const cases = shapes().chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      axes: fc.subarray(shape.map((_, axis) => axis)),
      stages: choices(4),
      outputs: choices(3, 1),
      views: fc.tuple(...given.map(() => layouts(shape))),
    })
  );
  await checkAsync(cases, async ({ shape, axes, stages, outputs, views }) => {
    machine.reset();
    const inputs = given.map(({ dtype, values }, n) => placeOperand(machine, dtype, values, shape, views[n]!));
    await expectReference(kernelOf(shape, axes, stages, outputs), inputs);
  }, { share: 3 });
});

const machineLimits = machineOf(connection).limits;
const once = { gap: 1, reversed: false, repeated: false };

function plain(shape: Shape): { order: number[]; axes: (typeof once)[]; offset: number; seed: number } {
  return { order: [...shape.keys()], axes: shape.map(() => once), offset: 0, seed: 0 };
}

/** Shapes whose rows are many or few, short or long, along the last axis or across it, or along two. */
const largeShapes: readonly [Shape, readonly number[]][] = [
  [[300, 64], [1]],
  [[70, 1030], [1]],
  [[3, 20000], [1]],
  [[64, 300], [0]],
  [[20000, 4], [0]],
  [[20, 30, 40], [0, 2]],
  [[20, 30, 40], [1]],
];

Deno.test("gpu loop: many rows and long ones", async () => {
  const outputs = [{ body: 1, combiner: 0, a: 3, b: 4 }, { body: 3, combiner: 1, a: 1, b: 0 }, {
    body: 2,
    combiner: 0,
    a: 11,
    b: 0,
  }];
  const stages = [{ body: 0, combiner: 1, a: 0, b: 0 }, { body: 0, combiner: 0, a: 0, b: 0 }];
  for (const [shape, axes] of largeShapes) {
    machine.reset();
    const inputs = given.map(({ dtype, values }) => placeOperand(machine, dtype, values, shape, plain(shape)));
    await expectReference(kernelOf(shape, axes, stages, outputs), inputs);
    // Few buffers: reductions and results apart.
    await expectReference(kernelOf(shape, axes, stages, outputs), inputs, {
      told: { limits: { ...machineLimits, buffers: 5 } },
    });
  }
});

Deno.test("gpu loop: extremes at special values, and what is made of them", async () => {
  const values = [-0, 0, 1, NaN, -Infinity, 3, Infinity];
  const [m, x] = [input(0, "float32"), input(1, "float32")];
  const outputs = [
    { body: m, perRow: true },
    { body: binary("sub", x, m), perRow: false },
    { body: binary("eq", x, m), perRow: false },
  ];
  for (const combiner of ["max", "min"] as const) {
    for (const shape of [[2], [70], [3, 5], [20, 33]]) {
      for (const some of [values, [-0, 0], [-0], [-Infinity, -0, 5], [Infinity, 0, -0]]) {
        for (const axis of shape.keys()) {
          machine.reset();
          const operand = placeOperand(machine, "float32", some, shape, plain(shape));
          const kernel = { kind: "loop", shape, axes: [axis], stages: [{ combiner, body: x }], outputs } as const;
          await expectReference(kernel, [operand]);
        }
      }
    }
  }
});

Deno.test("gpu loop: rows without elements have neutral results, and no rows have none", async () => {
  for (const kernel of emptyLoops) {
    machine.reset();
    const { shape } = kernel;
    const operand = { ...machine.output([4], "float32"), shape, strides: shape.map(() => 1) };
    await expectReference(kernel, [operand]);
  }
});

Deno.test("gpu loop: sums of a million equal addends keep six digits, along rows and across columns", async () => {
  const n = 1 << 20;
  machine.reset();
  const tenths = machine.put(new Float32Array(4 * n).fill(0.1), "float32");
  const x = input(2, "float32");
  const stages: Stage[] = [{ combiner: "sum", body: x }, { combiner: "max", body: x }];
  const outputs = [{ body: binary("div", input(0, "float32"), input(1, "float32")), perRow: true }];
  for (const [shape, axis] of [[[4, n], 1], [[n, 4], 0], [[1024, 4096], 1]] as const) {
    const kernel = { kind: "loop", shape, axes: [axis], stages, outputs } as const;
    const types = [{ dtype: "float32", shape: dropAxes(shape, [axis]) }] as const;
    for (const way of ways) {
      const prepared = prepare(kernel, [{ ...tenths, shape, strides: [shape[1], 1] }], types, way);
      prepared.run();
      const [sums] = await prepared.read();
      for (const sum of sums!.data) assert(Math.abs(sum / shape[axis] - 1) < 1e-6);
      prepared.release();
    }
  }
});

Deno.test("gpu loop: softmax, whose elements are near the exact ones", async () => {
  const [most, total, x] = [input(0, "float32"), input(1, "float32"), input(2, "float32")];
  const power = unary("exp", binary("sub", x, most));
  const stages: Stage[] = [{ combiner: "max", body: x }, { combiner: "sum", body: power }];
  const outputs = [{ body: binary("div", power, total), perRow: false }];
  for (const [shape, axes] of largeShapes) {
    machine.reset();
    const values = Array.from({ length: 997 }, (_, n) => Math.sin(n * n) * 3);
    const operand = placeOperand(machine, "float32", values, shape, plain(shape));
    // Of exp twice, of a sum in runs, and of the quotient.
    await expectReference({ kind: "loop", shape, axes, stages, outputs }, [operand], { allowance: { ulps: 16 } });
  }
});
