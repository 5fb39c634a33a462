// Matmul on the GPU: any strides, edges of tiles, thin and deep products, epilogues, against the reference.
import * as fc from "fast-check";
import type { Operand } from "../cpu/machine.ts";
import type { DType } from "../ops/dtype.ts";
import { axisIndex, binary, cast, constant, input, type Scalar, select } from "../ops/scalar.ts";
import type { Shape } from "../ops/shape.ts";
import { compare } from "./gpu_kernels.ts";
import { checkAsync } from "./property.ts";
import { machine } from "./reference.ts";
import { type Layout, layouts, placeOperand } from "./views.ts";

/** Small integers: their products and sums are exact in float32, in any order and however they are rounded. */
const integers = [3, -7, 0, 5, 1, -2, 8, -5, 4, -1, 6, -8, 2];

const values: Readonly<Partial<Record<DType, readonly number[]>>> = {
  int32: [3, -7, 2147483647, 0, 65537, -2147483648, 99991],
  uint32: [3, 4294967295, 0, 65537, 2147483648, 99991],
  bool: [0, 1, 0, 0, 0, 1, 0, 0, 0],
};

/** Compilers of shaders take 0 + x for x, so that a sum of one product may be −0. */
const allowance = { ulps: 0, signedZeros: false };

interface Case {
  readonly shapes: readonly [Shape, Shape];
  readonly chosen: readonly [Layout, Layout];
  readonly dtype: DType;
}

function operandsOf({ shapes, chosen, dtype }: Case): Operand[] {
  return shapes.map((shape, n) => placeOperand(machine, dtype, values[dtype] ?? integers, shape, chosen[n]!));
}

async function expectReference(given: Case): Promise<void> {
  machine.reset();
  const [a, b] = given.shapes;
  const output = { dtype: given.dtype, shape: [...a.slice(0, -1), b.at(-1)!] };
  await compare({ kind: "matmul" }, operandsOf(given), [output], { allowance });
}

function rows(rank: number, order: readonly number[] = Array.from({ length: rank }, (_, axis) => axis)): Layout {
  const axes = order.map(() => ({ gap: 1, reversed: false, repeated: false }));
  return { order, axes, offset: 0, seed: 0 };
}

Deno.test("gpu matmul: batches of any dtype in any layout", async () => {
  const size = fc.oneof(fc.nat(5), fc.nat(5), fc.constantFrom(8, 12, 33));
  const dtypes = fc.constantFrom<DType>("float32", "float16", "int32", "uint32", "bool");
  const cases = fc.tuple(fc.array(fc.nat(3), { maxLength: 2 }), size, size, size, dtypes)
    .chain(([batch, m, k, n, dtype]) => {
      const [a, b] = [[...batch, m, k], [...batch, k, n]];
      return fc.record({
        shapes: fc.constant([a, b] as const),
        chosen: fc.tuple(layouts(a), layouts(b)),
        dtype: fc.constant(dtype),
      });
    });
  await checkAsync(cases, expectReference, { share: 2 });
});

Deno.test("gpu matmul: edges of tiles, both orientations of both matrices", async () => {
  const orders = [[0, 1], [1, 0]];
  const sizes = [[1, 300, 1], [9, 300, 2], [3, 2600, 5], [1, 70, 130], [130, 70, 1], [3, 515, 5], [64, 64, 64], [
    67,
    33,
    129,
  ]];
  for (const [m, k, n] of sizes as [number, number, number][]) {
    for (const orderA of orders) {
      for (const orderB of orders) {
        await expectReference({
          shapes: [[m, k], [k, n]],
          chosen: [rows(2, orderA), rows(2, orderB)],
          dtype: "float32",
        });
      }
    }
  }
});

Deno.test("gpu matmul: products large enough to copy their operands", async () => {
  for (const [orderA, orderB] of [[[0, 1], [0, 1]], [[1, 0], [1, 0]]] as const) {
    const chosen = [rows(2, orderA), rows(2, orderB)] as const;
    await expectReference({ shapes: [[263, 67], [67, 260]], chosen, dtype: "float32" });
  }
  const repeated: Layout = { ...rows(3), axes: [1, 0, 0].map((own) => ({ gap: 1, reversed: false, repeated: !!own })) };
  await expectReference({ shapes: [[2, 257, 65], [2, 65, 256]], chosen: [rows(3), repeated], dtype: "float32" });
});

Deno.test("gpu matmul: so many products that workgroups share the largest tiles", async () => {
  for (const [orderA, orderB] of [[[0, 1, 2], [0, 1, 2]], [[0, 2, 1], [0, 2, 1]]] as const) {
    const chosen = [rows(3, orderA), rows(3, orderB)] as const;
    await expectReference({ shapes: [[32, 132, 20], [32, 20, 136]], chosen, dtype: "float32" });
  }
});

Deno.test("gpu matmul: sums so long that a loop would end early", async () => {
  for (const [m, n] of [[1, 1], [3, 5], [9, 1], [17, 12]] as const) {
    for (const order of [[0, 1], [1, 0]]) {
      const chosen = [rows(2, order), rows(2, order)] as const;
      await expectReference({ shapes: [[m, 70_001], [70_001, n]], chosen, dtype: "float32" });
    }
  }
});

Deno.test("gpu matmul: NaN and ∞", async () => {
  machine.reset();
  const special = [1, NaN, 2, -3, 5, 4, 0, 5, -1, 6, 7, Infinity, 9, -Infinity, 11, 12, 13, 1, 2, 3, 4, 5, 6];
  const shapes = [[19, 5], [5, 12]] as const;
  const inputs = shapes.map((shape) => placeOperand(machine, "float32", special, shape, rows(2)));
  await compare({ kind: "matmul" }, inputs, [{ dtype: "float32", shape: [19, 12] }], { allowance });
});

Deno.test("gpu matmul: epilogues, of positions too", async () => {
  const [product, bias, mask] = [input(0, "float32"), input(1, "float32"), input(2, "bool")];
  const epilogues: Scalar[] = [
    binary("max", binary("add", product, bias), constant(0, "float32")),
    select(mask, binary("mul", product, bias), constant(1, "float32")),
    binary("add", product, cast(axisIndex(1), "float32")),
  ];
  const cases = fc.tuple(
    fc.constantFrom(...epilogues),
    fc.constantFrom([2, 5, 4, 3], [1, 9, 33, 8], [1, 3, 600, 4], [3, 66, 20, 68]),
  ).chain(([epilogue, sizes]) => {
    const [batch, m, k, n] = sizes as [number, number, number, number];
    const shapes = [[batch, m, k], [batch, k, n], [batch, m, n], [batch, m, n]] as const;
    return fc.record({
      epilogue: fc.constant(epilogue),
      shapes: fc.constant(shapes),
      chosen: fc.tuple(...shapes.map((shape) => layouts(shape))),
    });
  });
  await checkAsync(cases, async ({ epilogue, shapes, chosen }) => {
    machine.reset();
    const dtypes = ["float32", "float32", "float32", "bool"] as const;
    const inputs = shapes.map((shape, n) => {
      return placeOperand(machine, dtypes[n]!, n === 3 ? [0, 1, 1] : integers, shape, chosen[n]!);
    });
    const output = { dtype: "float32", shape: shapes[2] } as const;
    await compare({ kind: "matmul", epilogue }, inputs, [output], { allowance });
  });
});
