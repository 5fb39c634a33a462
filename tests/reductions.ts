/** Reductions of any bodies over any axes of any views, drawn for the tests of every device. */

import * as fc from "fast-check";
import type { DType } from "../ops/dtype.ts";
import type { Combiner } from "../ops/kernel.ts";
import { axisIndex, binary, cast, constant, input, type Scalar, select } from "../ops/scalar.ts";
import type { Shape } from "../ops/shape.ts";
import { type Layout, layouts, shapes } from "./views.ts";

export const x: Scalar = input(0, "float32");
export const y: Scalar = input(1, "float32");
export const i: Scalar = input(2, "int32");
export const u: Scalar = input(3, "uint32");
export const flag: Scalar = input(4, "bool");
export const h: Scalar = input(5, "float16");

/** Whole floats, so that sums are exact in any order; integers whose sums wrap. */
export const given: readonly { readonly dtype: DType; readonly values: readonly number[] }[] = [
  { dtype: "float32", values: [0, 1, -2, 3, 5, -8, 13, 0, 4, -4, 7] },
  { dtype: "float32", values: [2, -1, 0, 6, -3, 1, 9] },
  { dtype: "int32", values: [1, -5, 2147483647, 0, -2147483648, 77, 2000000000] },
  { dtype: "uint32", values: [1, 4294967295, 3000000000, 0, 2] },
  { dtype: "bool", values: [0, 1, 0, 0, 1, 1, 0] },
  // Sums are exact in float32, and mostly not in float16.
  { dtype: "float16", values: [0, 1, -2, 3000, 0.125, -8, 13, 2.5, -1001, 4] },
];

const bodies: readonly Scalar[] = [
  x,
  i,
  u,
  flag,
  binary("mul", x, y),
  select(flag, x, binary("sub", y, constant(1, "float32"))),
  binary("lt", x, y),
  cast(flag, "int32"),
  constant(2, "float32"),
  h,
  binary("add", h, h),
  cast(h, "float32"),
  cast(x, "float16"),
];

export interface Reduction {
  readonly shape: Shape;
  readonly axes: readonly number[];
  readonly combiner: Combiner;
  readonly body: Scalar;
  readonly views: readonly Layout[];
}

/** Reductions of all inputs; of bodies there are more where a device has more dtypes. */
export function reductions(more: readonly Scalar[] = []): fc.Arbitrary<Reduction> {
  return shapes().chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      axes: fc.subarray(shape.map((_, axis) => axis)),
      combiner: fc.constantFrom<Combiner>("sum", "max", "min"),
      body: fc.constantFrom(...bodies, ...more, ...shape.map((_, axis) => binary("mul", i, axisIndex(axis)))),
      views: fc.tuple(...given.map(() => layouts(shape))),
    })
  );
}
