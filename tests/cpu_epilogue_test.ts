// Epilogues of contractions: whatever block a product comes in, each of its elements is finished once, as by the reference.
import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { conv } from "../cpu/conv.ts";
import type { KernelTable, Operand } from "../cpu/machine.ts";
import { matmul } from "../cpu/matmul.ts";
import { reference } from "../cpu/reference.ts";
import type { DType } from "../ops/dtype.ts";
import type { KernelOf } from "../ops/kernel.ts";
import { axisIndex, binary, cast, constant, input, type Scalar, select } from "../ops/scalar.ts";
import type { Shape } from "../ops/shape.ts";
import { testMachine } from "./machine.ts";
import { check } from "./property.ts";
import { framed, type Layout, layouts, placeOperand, signed } from "./views.ts";

const machine = testMachine();

/** Small integers: their products and sums are exact in float32, in any order and however they are rounded. */
const integers = [3, -7, 0, 5, 1, -2, 8, -5, 4, -1, 6, -8, 2];

const [product, bias, mask] = [input(0, "float32"), input(1, "float32"), input(2, "bool")];

function epilogues(rank: number): Scalar[] {
  const zero = constant(0, "float32");
  return [
    binary("max", binary("add", product, bias), zero),
    select(mask, binary("mul", product, bias), zero),
    binary("add", binary("mul", product, product), constant(1, "float32")),
    ...Array.from({ length: rank }, (_, axis) => binary("add", product, cast(axisIndex(axis), "float32"))),
  ];
}

function plain(shape: Shape, repeated: readonly number[] = []): Layout {
  const axes = shape.map((_, axis) => ({ gap: 1, reversed: false, repeated: repeated.includes(axis) }));
  return { order: [...shape.keys()], axes, offset: 0, seed: 0 };
}

interface Further {
  readonly epilogue: Scalar;
  readonly ofBias: Layout;
  readonly ofMask: Layout;
}

type Contraction = KernelOf<"matmul"> | KernelOf<"conv">;

function run(
  kernels: Pick<KernelTable, "matmul" | "conv">,
  kernel: Contraction,
  inputs: readonly Operand[],
  output: Operand,
): void {
  if (kernel.kind === "matmul") kernels.matmul(kernel, inputs, output, machine);
  else kernels.conv(kernel, inputs, output, machine);
}

function expectReference(
  kernel: Contraction,
  shapes: readonly [Shape, Shape, Shape],
  { epilogue, ofBias, ofMask }: Further,
  dtype: DType = "float32",
  weights: readonly number[] = integers,
): void {
  machine.reset();
  const [first, second, target] = shapes;
  const inputs: Operand[] = [
    placeOperand(machine, dtype, integers, first, plain(first)),
    placeOperand(machine, dtype, weights, second, plain(second)),
    placeOperand(machine, "float32", [2, 0, -3, 1, 5], target, ofBias),
    placeOperand(machine, "bool", [1, 0, 0, 1, 1, 1, 0], target, ofMask),
  ];
  const [actual, expected] = [{ matmul, conv }, reference].map((kernels) => {
    const output = framed(machine, target, dtype);
    run(kernels, { ...kernel, epilogue }, inputs, output);
    return signed([...machine.array(output)]);
  });
  assertEquals(actual, expected);
}

function further(target: Shape): fc.Arbitrary<Further> {
  return fc.record({
    epilogue: fc.constantFrom(...epilogues(target.length)),
    ofBias: layouts(target),
    ofMask: layouts(target),
  });
}

Deno.test("epilogue: matmul of any batch, with further inputs in any layout", () => {
  const size = fc.oneof(fc.nat(5), fc.constantFrom(8, 9, 16, 33));
  const cases = fc.tuple(fc.array(fc.nat(3), { maxLength: 2 }), size, size, size).chain(([batch, m, k, n]) => {
    const shapes: [Shape, Shape, Shape] = [[...batch, m, k], [...batch, k, n], [...batch, m, n]];
    return fc.record({ shapes: fc.constant(shapes), further: further(shapes[2]) });
  });
  check(cases, ({ shapes, further }) => expectReference({ kind: "matmul" }, shapes, further), { share: 12 });
});

Deno.test("epilogue: matmul in blocks of rows and of depth, with biases, residuals and batches", () => {
  for (
    const [batch, m, k, n] of [[[], 300, 70, 131], [[], 140, 300, 260], [[3], 150, 9, 90], [
      [2, 1],
      90,
      5,
      200,
    ]] as const
  ) {
    const target = [...batch, m, n];
    for (const repeated of [[], [...target.keys()].slice(0, -1)]) {
      for (const epilogue of epilogues(target.length)) {
        const layout = plain(target, repeated);
        const shapes: [Shape, Shape, Shape] = [[...batch, m, k], [...batch, k, n], target];
        expectReference({ kind: "matmul" }, shapes, { epilogue, ofBias: layout, ofMask: plain(target) });
      }
    }
  }
});

Deno.test("epilogue: all roles of convolution, padded, grouped and depthwise, in many blocks and in few", () => {
  const layers = [[2, 5, 3, 1], [2, 4, 2, 2], [1, 6, 1, 4], [3, 40, 3, 2], [2, 40, 1, 12]] as const;
  // By fewer products, an odd number of cells and an even one.
  const planes = [[4, 9, 16, 1], [5, 22, 16, 1]] as const;
  for (const [batch, size, channels, groups] of [...layers, ...planes]) {
    for (const padding of [0, 1]) {
      const cells = size + 2 * padding - 2;
      const [x, w, g] = [
        [batch, size, size, channels * groups],
        [3, 3, channels, channels * groups],
        [batch, cells, cells, channels * groups],
      ];
      const geometry = {
        strides: [1, 1],
        dilation: [1, 1],
        padding: [[padding, padding], [padding, padding]],
        groups,
      } as const;
      for (const role of ["output", "input", "kernel"] as const) {
        const shapes: [Shape, Shape, Shape] = role === "output" ? [x, w, g] : role === "input" ? [g, w, x] : [x, g, w];
        for (const epilogue of epilogues(4)) {
          const layout = plain(shapes[2], [0, 1, 2]);
          expectReference({ kind: "conv", role, geometry }, shapes, {
            epilogue,
            ofBias: layout,
            ofMask: plain(shapes[2]),
          });
        }
      }
    }
  }
});

Deno.test("epilogue: of other dtypes, and where a weight is not finite", () => {
  const target = [3, 4];
  const body = binary("add", input(0, "int32"), cast(input(1, "float32"), "int32"));
  const layout = plain(target);
  expectReference({ kind: "matmul" }, [[3, 2], [2, 4], target], {
    epilogue: body,
    ofBias: layout,
    ofMask: layout,
  }, "int32");
  const geometry = { strides: [1], dilation: [1], padding: [[1, 1]], groups: 1 } as const;
  const shapes: [Shape, Shape, Shape] = [[2, 5, 2], [3, 2, 3], [2, 5, 3]];
  const ofOutput = plain(shapes[2]);
  const weights = integers.with(2, Infinity).with(5, NaN);
  for (const epilogue of epilogues(3)) {
    expectReference(
      { kind: "conv", role: "output", geometry },
      shapes,
      { epilogue, ofBias: ofOutput, ofMask: ofOutput },
      "float32",
      weights,
    );
  }
  // Nothing to sum is 0, which is finished like any other.
  for (const epilogue of epilogues(2)) {
    expectReference({ kind: "matmul" }, [[3, 0], [0, 4], target], { epilogue, ofBias: layout, ofMask: layout });
  }
});
