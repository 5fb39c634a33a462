// The reference's kernels along axes and by index: worked examples, special values, and views like their copies.
import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import type { Operand } from "../cpu/machine.ts";
import { allocateArray, type DType, toDType } from "../ops/dtype.ts";
import type { ConvGeometry, WindowGeometry } from "../ops/kernel.ts";
import { axisIndex, binary, cast, input } from "../ops/scalar.ts";
import type { Shape, Strided } from "../ops/shape.ts";
import { indicesOf } from "./indices.ts";
import { check } from "./property.ts";
import { arrayOf, type ComputeKernel, integers, machine, operand, run } from "./reference.ts";

const lowestInt = -2147483648;

Deno.test("reduce: sums, extremes, any and all, empty axes", () => {
  const x = operand([1, 2, 3, 4, 5, 6], [2, 3]);
  const own = input(0, "float32");
  const reduce = (combiner: "sum" | "max" | "min", axes: number[]) =>
    ({ kind: "reduce", combiner, axes, body: own }) as const;
  assertEquals(run(reduce("sum", [0]), [x], [3], "float32"), [5, 7, 9]);
  assertEquals(run(reduce("sum", [1]), [x], [2], "float32"), [6, 15]);
  assertEquals(run(reduce("max", [0, 1]), [x], [], "float32"), [6]);
  assertEquals(run(reduce("min", []), [x], [2, 3], "float32"), [1, 2, 3, 4, 5, 6]);
  assertEquals(run(reduce("sum", [0]), [operand([], [0, 2])], [2], "float32"), [0, 0]);
  assertEquals(run(reduce("max", [0]), [operand([], [0, 2])], [2], "float32"), [-Infinity, -Infinity]);
  assertEquals(run(reduce("max", [0]), [operand([1, NaN, 3], [3])], [], "float32"), [NaN]);
  assertEquals(run(reduce("max", [0]), [operand([-0, 0], [2])], [], "float32"), [0]);
  // float32 alone would lose the 1.
  assertEquals(run(reduce("sum", [0]), [operand([2 ** 30, 1, -(2 ** 30)], [3])], [], "float32"), [1]);
  const of = (combiner: "sum" | "max" | "min", dtype: DType, values: number[]) =>
    run(
      { kind: "reduce", combiner, axes: [0], body: input(0, dtype) },
      [operand(values, [values.length], dtype)],
      [],
      dtype,
    );
  assertEquals(of("sum", "int32", [2147483647, 2]), [-2147483647]);
  assertEquals(of("sum", "uint32", [4294967295, 4294967295]), [4294967294]);
  assertEquals([of("max", "int32", []), of("min", "int32", [])], [[lowestInt], [2147483647]]);
  assertEquals([of("max", "uint32", []), of("min", "uint32", [])], [[0], [4294967295]]);
  assertEquals([of("max", "bool", [0, 1]), of("min", "bool", [0, 1]), of("max", "bool", []), of("min", "bool", [])], [
    [1],
    [0],
    [0],
    [1],
  ]);
  // A fused body: Σ x·y, with the position along the second axis.
  const body = binary("mul", own, cast(axisIndex(1), "float32"));
  assertEquals(run({ kind: "reduce", combiner: "sum", axes: [1], body }, [x], [2], "float32"), [8, 17]);
});

Deno.test("argReduce: the first extreme, NaN before everything", () => {
  const argReduce = (extreme: "max" | "min", axis = 0) => ({ kind: "argReduce", extreme, axis }) as const;
  assertEquals(run(argReduce("max"), [operand([1, 3, 3, 2], [4])], [], "int32"), [1]);
  assertEquals(run(argReduce("min"), [operand([2, 1, 1], [3])], [], "int32"), [1]);
  assertEquals(run(argReduce("max"), [operand([1, NaN, 9, NaN], [4])], [], "int32"), [1]);
  assertEquals(run(argReduce("min"), [operand([1, NaN, -9, NaN], [4])], [], "int32"), [1]);
  assertEquals(run(argReduce("max"), [operand([-0, 0], [2])], [], "int32"), [0]);
  assertEquals(run(argReduce("max", 1), [operand([1, 5, 2, 7, 0, 7], [2, 3])], [2], "int32"), [1, 0]);
  assertEquals(run(argReduce("max", 0), [operand([1, 5, 2, 7, 0, 7], [2, 3])], [3], "int32"), [1, 0, 1]);
  assertEquals(run(argReduce("max"), [operand([1, 4294967295], [2], "uint32")], [], "int32"), [1]);
});

Deno.test("cumulative: both directions, any axis", () => {
  const x = operand([1, 2, 3, 4, 5, 6], [2, 3]);
  const cumulative = (combiner: "sum" | "max" | "min", axis: number, reverse = false) =>
    ({ kind: "cumulative", combiner, axis, reverse }) as const;
  assertEquals(run(cumulative("sum", 1), [x], [2, 3], "float32"), [1, 3, 6, 4, 9, 15]);
  assertEquals(run(cumulative("sum", 0), [x], [2, 3], "float32"), [1, 2, 3, 5, 7, 9]);
  assertEquals(run(cumulative("sum", 1, true), [x], [2, 3], "float32"), [6, 5, 3, 15, 11, 6]);
  assertEquals(run(cumulative("max", 0), [operand([1, 3, 2, NaN, 5], [5])], [5], "float32"), [1, 3, 3, NaN, NaN]);
  assertEquals(run(cumulative("min", 0, true), [operand([1, 3, 2], [3], "int32")], [3], "int32"), [1, 2, 2]);
  assertEquals(run(cumulative("sum", 0), [operand([2147483647, 1], [2], "int32")], [2], "int32"), [
    2147483647,
    lowestInt,
  ]);
});

Deno.test("place: padding, concatenation, dilation", () => {
  const [a, b] = [operand([1, 2, 3, 4], [2, 2]), operand([5, 6], [2, 1])];
  const side = { start: [0, 0], step: [1, 1] };
  assertEquals(
    run({ kind: "place", fill: 0, at: [side, { start: [0, 2], step: [1, 1] }] }, [a, b], [2, 3], "float32"),
    [1, 2, 5, 3, 4, 6],
  );
  assertEquals(
    run({ kind: "place", fill: 9, at: [{ start: [1, 0], step: [2, 2] }] }, [a], [4, 3], "float32"),
    [9, 9, 9, 1, 9, 2, 9, 9, 9, 3, 9, 4],
  );
  assertEquals(run({ kind: "place", fill: -1, at: [] }, [], [2], "uint32"), [4294967295, 4294967295]);
});

Deno.test("matmul: batches, and integers that wrap", () => {
  const [a, b] = [operand([1, 2, 3, 4, 5, 6], [2, 3]), operand([1, 0, 0, 1, 2, 2], [3, 2])];
  assertEquals(run({ kind: "matmul" }, [a, b], [2, 2], "float32"), [7, 8, 16, 17]);
  const [c, d] = [operand([1, 2, 3, 4], [2, 1, 2]), operand([1, 1, 2, 3], [2, 2, 1])];
  assertEquals(run({ kind: "matmul" }, [c, d], [2, 1, 1], "float32"), [3, 18]);
  assertEquals(run({ kind: "matmul" }, [operand([], [2, 0]), operand([], [0, 2])], [2, 2], "float32"), [0, 0, 0, 0]);
  const big = (dtype: DType) => [operand([123456789, 5], [1, 2], dtype), operand([987654321, 7], [2, 1], dtype)];
  const exact = 123456789n * 987654321n + 35n;
  assertEquals(run({ kind: "matmul" }, big("int32"), [1, 1], "int32"), [Number(BigInt.asIntN(32, exact))]);
  assertEquals(run({ kind: "matmul" }, big("uint32"), [1, 1], "uint32"), [Number(BigInt.asUintN(32, exact))]);
});

Deno.test("gather: out of range reads NaN, 0 or false", () => {
  const indices = operand([2, 0, -1, 3], [1, 4], "int32");
  const gather = (values: number[], dtype: DType) =>
    run({ kind: "gather" }, [operand(values, [1, 1, 3, 1], dtype), indices], [1, 1, 4, 1], dtype);
  assertEquals(gather([5, 6, 7], "float32"), [7, 5, NaN, NaN]);
  assertEquals(gather([5, 6, 7], "int32"), [7, 5, 0, 0]);
  assertEquals(gather([1, 1, 0], "bool"), [0, 1, 0, 0]);
  const x = operand([1, 2, 3, 4, 5, 6, 7, 8], [2, 1, 2, 2]);
  assertEquals(
    run({ kind: "gather" }, [x, operand([1, 0], [2, 1], "int32")], [2, 1, 1, 2], "float32"),
    [3, 4, 5, 6],
  );
  assertEquals(run({ kind: "gather" }, [operand([], [1, 1, 0, 1]), indices], [1, 1, 4, 1], "float32"), [
    NaN,
    NaN,
    NaN,
    NaN,
  ]);
});

Deno.test("scatter: combines in order, starts from the identity, drops what is out of range", () => {
  const indices = operand([2, 0, -1, 2, 3], [1, 5], "int32");
  const updates = operand([1, 2, 3, 4, 5], [1, 1, 5, 1]);
  const scatter = (combiner: "sum" | "max" | "min") =>
    run({ kind: "scatter", combiner }, [indices, updates], [1, 1, 3, 1], "float32");
  assertEquals(scatter("sum"), [2, 0, 5]);
  assertEquals(scatter("max"), [2, -Infinity, 4]);
  assertEquals(scatter("min"), [2, Infinity, 1]);
  const both = operand([1, 2, 9, 9, 3, 4, 9, 9], [1, 2, 2, 2]);
  assertEquals(
    run({ kind: "scatter", combiner: "sum" }, [operand([1, -1], [1, 2], "int32"), both], [1, 2, 2, 2], "float32"),
    [0, 0, 1, 2, 0, 0, 3, 4],
  );
});

Deno.test("argsort: stable, NaN last in both directions, −0 equal to 0", () => {
  const x = operand([3, NaN, -0, 1, 0, NaN, -Infinity, 1], [8]);
  assertEquals(run({ kind: "argsort", descending: false }, [x], [8], "int32"), [6, 2, 4, 3, 7, 0, 1, 5]);
  assertEquals(run({ kind: "argsort", descending: true }, [x], [8], "int32"), [0, 3, 7, 2, 4, 6, 1, 5]);
  const rows = operand([3, 1, 2, 4294967295, 0, 7], [2, 3], "uint32");
  assertEquals(run({ kind: "argsort", descending: false }, [rows], [2, 3], "int32"), [1, 2, 0, 1, 2, 0]);
  assertEquals(run({ kind: "argsort", descending: false }, [operand([], [2, 0])], [2, 0], "int32"), []);
});

/** The elements `values` of `shape`, held with axes permuted, reversed, spread apart, and at an offset. */
interface View {
  readonly strided: Strided;
  readonly length: number;
}

function views(shape: Shape): fc.Arbitrary<View> {
  const axes = shape.map((_, axis) => axis);
  return fc.record({
    order: fc.shuffledSubarray(axes, { minLength: axes.length }),
    reversed: fc.array(fc.boolean(), { minLength: axes.length, maxLength: axes.length }),
    gap: fc.integer({ min: 1, max: 2 }),
    offset: fc.nat(3),
  }).map(({ order, reversed, gap, offset }) => {
    const strides = new Array<number>(shape.length);
    let step = gap;
    let start = offset;
    for (const axis of order) {
      strides[axis] = reversed[axis] ? -step : step;
      if (reversed[axis] && shape[axis]! > 0) start += step * (shape[axis]! - 1);
      step *= Math.max(1, shape[axis]!);
    }
    return { strided: { shape, strides, offset: start }, length: offset + step };
  });
}

function viewOperand(values: readonly number[], { strided, length }: View, dtype: DType): Operand {
  const array = allocateArray(dtype, length).fill(99);
  let n = 0;
  for (const index of indicesOf(strided.shape)) {
    array[index.reduce((at, i, axis) => at + i * strided.strides[axis]!, strided.offset)] = toDType(
      values[n++]!,
      dtype,
    );
  }
  return machine.put(array, dtype, strided);
}

const someConv: ConvGeometry = { strides: [2], dilation: [2], padding: [[1, 2]], groups: 2 };
const someWindow: WindowGeometry = { window: [3], strides: [2], padding: [[1, 1]] };

/** One kernel of each kind and role, with the shapes of its inputs and output; int32 inputs are positions. */
const samples: readonly {
  readonly run: (inputs: readonly Operand[]) => number[];
  readonly inputs: readonly (readonly [Shape, DType])[];
}[] = [
  sample({ kind: "map", body: binary("add", input(0, "float64"), input(1, "float64")) }, [[2, 3, 2], [2, 3, 2]], [
    2,
    3,
    2,
  ]),
  sample({ kind: "reduce", combiner: "sum", axes: [0, 2], body: input(0, "float64") }, [[2, 3, 2]], [3]),
  sample({ kind: "argReduce", extreme: "max", axis: 1 }, [[2, 3, 2]], [2, 2], "int32"),
  sample({ kind: "cumulative", combiner: "sum", axis: 1, reverse: true }, [[2, 3, 2]], [2, 3, 2]),
  sample({ kind: "place", fill: 1, at: [{ start: [1, 0], step: [1, 2] }] }, [[2, 3]], [4, 5]),
  sample({ kind: "matmul" }, [[2, 3, 2], [2, 2, 4]], [2, 3, 4]),
  sample({ kind: "conv", role: "output", geometry: someConv }, [[2, 5, 4], [2, 2, 4]], [2, 3, 4]),
  sample({ kind: "conv", role: "input", geometry: someConv }, [[2, 3, 4], [2, 2, 4]], [2, 5, 4]),
  sample({ kind: "conv", role: "kernel", geometry: someConv }, [[2, 5, 4], [2, 3, 4]], [2, 2, 4]),
  sample({ kind: "window", role: "max", geometry: someWindow }, [[2, 5, 2]], [2, 3, 2]),
  sample({ kind: "window", role: "argMin", geometry: someWindow }, [[2, 5, 2]], [2, 3, 2], "int32"),
  sample({ kind: "window", role: "take", geometry: someWindow }, [[2, 5, 2], positionsOf([2, 3, 2])], [2, 3, 2]),
  sample({ kind: "window", role: "spread", geometry: someWindow }, [[2, 3, 2]], [2, 5, 2]),
  sample({ kind: "window", role: "put", geometry: someWindow }, [[2, 3, 2], positionsOf([2, 3, 2])], [2, 5, 2]),
  sample({ kind: "gather" }, [[2, 2, 3, 2], positionsOf([2, 4])], [2, 2, 4, 2]),
  sample({ kind: "scatter", combiner: "sum" }, [positionsOf([2, 4]), [2, 2, 4, 2]], [2, 2, 3, 2]),
  sample({ kind: "argsort", descending: true }, [[3, 5]], [3, 5], "int32"),
];

function positionsOf(shape: Shape): readonly [Shape, DType] {
  return [shape, "int32"];
}

function sample(
  kernel: ComputeKernel,
  inputs: readonly (Shape | readonly [Shape, DType])[],
  shape: Shape,
  dtype: DType = "float64",
): typeof samples[number] {
  return {
    run: (operands) => run(kernel, operands, shape, dtype),
    inputs: inputs.map((of) => typeof of[1] === "string" ? of as readonly [Shape, DType] : [of as Shape, "float64"]),
  };
}

Deno.test("every kernel gives for a view what it gives for a row-major copy", () => {
  const cases = fc.constantFrom(...samples).chain((chosen) =>
    fc.tuple(
      fc.constant(chosen),
      fc.tuple(...chosen.inputs.map(([shape]) => fc.tuple(integers(shape), views(shape)))),
    )
  );
  check(cases, ([{ run, inputs }, given]) => {
    machine.reset();
    const copies = given.map(([values], n) => operand(values, inputs[n]![0], inputs[n]![1]));
    const strided = given.map(([values, view], n) => viewOperand(values, view, inputs[n]![1]));
    assertEquals(run(strided), run(copies));
  }, { share: 32 });
});

Deno.test("an axis with stride 0 repeats its element", () => {
  const x = machine.put(arrayOf([1, 2], "float32"), "float32", { shape: [3, 2], strides: [0, 1], offset: 0 });
  assertEquals(run({ kind: "map", body: input(0, "float32") }, [x], [3, 2], "float32"), [1, 2, 1, 2, 1, 2]);
  assertEquals(run({ kind: "reduce", combiner: "sum", axes: [0], body: input(0, "float32") }, [x], [2], "float32"), [
    3,
    6,
  ]);
});
