// Generated running results and positions of extremes on the GPU: any views and axes like the reference.
import { assert } from "@std/assert";
import * as fc from "fast-check";
import type { DType } from "../ops/dtype.ts";
import type { Combiner } from "../ops/kernel.ts";
import type { Shape } from "../ops/shape.ts";
import { compare, prepare, ways } from "./gpu_kernels.ts";
import { checkAsync } from "./property.ts";
import { machine } from "./reference.ts";
import { type Layout, layouts, placeOperand, shapes } from "./views.ts";

/** Whole floats, so that sums are exact in any order; integers whose sums wrap. */
const given: readonly { readonly dtype: DType; readonly values: readonly number[] }[] = [
  { dtype: "float32", values: [0, 1, -2, 3, 5, -8, 13, 0, 4, -4, 7] },
  { dtype: "int32", values: [1, -5, 2147483647, 0, -2147483648, 77, 2000000000] },
  { dtype: "uint32", values: [1, 4294967295, 3000000000, 0, 2] },
  { dtype: "bool", values: [0, 0, 0, 1, 1, 0, 1] },
  { dtype: "float16", values: [0, 1, -2, 3000, 0.125, -8, 13, 2.5, -1001, 4] },
];

const special = [0, -0, 1, -Infinity, 3, -0, Infinity, NaN, 5, NaN];

interface Case {
  readonly shape: number[];
  readonly axis: number;
  readonly combiner: Combiner;
  readonly reverse: boolean;
  readonly source: (typeof given)[number];
  readonly view: Layout;
}

/** With an axis that has elements. */
function cases(sources: readonly (typeof given)[number][]): fc.Arbitrary<Case> {
  return shapes().filter((shape) => shape.some((size) => size > 0)).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      axis: fc.constantFrom(...[...shape.keys()].filter((axis) => shape[axis]! > 0)),
      combiner: fc.constantFrom<Combiner>("sum", "max", "min"),
      reverse: fc.boolean(),
      source: fc.constantFrom(...sources),
      view: layouts(shape),
    })
  );
}

/** Lines that are many or few, short or long, along the last axis or across it. */
const largeShapes: readonly [Shape, number][] = [
  [[300, 64], 1],
  [[70, 1030], 1],
  [[3, 20000], 1],
  [[70001], 0],
  [[64, 300], 0],
  [[20000, 4], 0],
  [[20, 30, 40], 1],
];

const once = { gap: 1, reversed: false, repeated: false };

function plain(shape: Shape): Layout {
  return { order: [...shape.keys()], axes: shape.map(() => once), offset: 0, seed: 3 };
}

Deno.test("gpu cumulative: any views, axes and directions", async () => {
  await checkAsync(cases(given), async ({ shape, axis, combiner, reverse, source: { dtype, values }, view }) => {
    machine.reset();
    const operand = placeOperand(machine, dtype, values, shape, view);
    await compare({ kind: "cumulative", combiner, axis, reverse }, [operand], [{ dtype, shape }]);
  }, { share: 4 });
});

Deno.test("gpu cumulative: many lines and long ones", async () => {
  for (const [n, [shape, axis]] of largeShapes.entries()) {
    for (const [k, { dtype, values }] of given.entries()) {
      const combiner = dtype === "float16" ? "max" : (["sum", "max", "min"] as const)[(n + k) % 3]!;
      machine.reset();
      const operand = placeOperand(machine, dtype, values, shape, plain(shape));
      await compare({ kind: "cumulative", combiner, axis, reverse: n % 2 === 0 }, [operand], [{ dtype, shape }]);
    }
  }
});

Deno.test("gpu cumulative: extremes at special values stay", async () => {
  for (const combiner of ["max", "min"] as const) {
    for (const some of [special, [-0, 0], [-0, -1, 0, 2], [-Infinity, -0, 5]]) {
      machine.reset();
      const operand = placeOperand(machine, "float32", some, [5, 70], plain([5, 70]));
      for (const axis of [0, 1]) {
        const type = { dtype: "float32", shape: [5, 70] } as const;
        await compare({ kind: "cumulative", combiner, axis, reverse: axis === 0 }, [operand], [type]);
      }
    }
  }
});

Deno.test("gpu cumulative: running sums of a million equal addends keep six digits", async () => {
  const n = 1 << 20;
  machine.reset();
  const tenths = machine.put(new Float32Array(n).fill(0.1), "float32");
  for (const [shape, axis] of [[[n], 0], [[n / 4, 4], 0], [[64, n / 64], 1], [[256, n / 256], 1]] as const) {
    const operand = { ...tenths, shape, strides: shape.length === 1 ? [1] : [shape[1], 1] };
    for (const way of ways) {
      const kernel = { kind: "cumulative", combiner: "sum", axis, reverse: false } as const;
      const prepared = prepare(kernel, [operand], [{ dtype: "float32", shape }], way);
      prepared.run();
      const [sums] = await prepared.read();
      prepared.release();
      const inner = axis === 0 ? n / shape[0] : 1;
      sums!.data.forEach((sum, i) => {
        const exact = Math.fround(0.1) * (Math.floor(i / inner) % shape[axis]! + 1);
        assert(Math.abs(sum / exact - 1) < 1e-6);
      });
    }
  }
});

Deno.test("gpu argReduce: any views and axes, ties and special values", async () => {
  const sources = [...given, { dtype: "float32", values: special }, { dtype: "float16", values: special }] as const;
  await checkAsync(cases(sources), async ({ shape, axis, reverse, source: { dtype, values }, view }) => {
    machine.reset();
    const operand = placeOperand(machine, dtype, values, shape, view);
    const type = { dtype: "int32", shape: shape.toSpliced(axis, 1) } as const;
    await compare({ kind: "argReduce", extreme: reverse ? "max" : "min", axis }, [operand], [type]);
  }, { share: 4 });
});

Deno.test("gpu argReduce: many lines and long ones", async () => {
  for (const [n, [shape, axis]] of largeShapes.entries()) {
    for (const [k, { dtype, values }] of given.entries()) {
      machine.reset();
      const operand = placeOperand(machine, dtype, values, shape, plain(shape));
      const type = { dtype: "int32", shape: shape.toSpliced(axis, 1) } as const;
      await compare({ kind: "argReduce", extreme: (n + k) % 2 === 0 ? "max" : "min", axis }, [operand], [type]);
    }
  }
});
