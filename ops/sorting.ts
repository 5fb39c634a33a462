/** Sorting, and the largest elements. */

import { checkOptions, toTensor } from "./arguments.ts";
import { bind1 } from "./bind.ts";
import { takeAlongAxis } from "./indexing.ts";
import { moveAxis, slice } from "./movement.ts";
import { notDifferentiable, type Primitive } from "./primitive.ts";
import { normalizeAxis, typeString } from "./shape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

const argsortP: Primitive<{ readonly descending: boolean }> = {
  name: "argsort",
  infer: ([x]) => [{ dtype: "int32", shape: x!.shape }],
  kernel: (_, { descending }) => ({ kind: "argsort", descending }),
  derivative: notDifferentiable("argsort() returns positions"),
  batch(inputs, _, params) {
    return [bind1(this, inputs, params)];
  },
};

/** Options of {@linkcode sort} and {@linkcode argsort}. */
export interface SortOptions {
  /** The axis, negative ones counted from the end; the last by default. */
  readonly axis?: number | undefined;
  /** Whether the largest come first. */
  readonly descending?: boolean | undefined;
}

/** The positions that sort a tensor, and along which axis. */
function ordering(op: string, t: Tensor, options: SortOptions): { order: Tensor; axis: number } {
  checkOptions(op, options, ["axis", "descending"]);
  const axis = normalizeAxis(op, options.axis, t.ndim, -1);
  const { descending = false } = options;
  return { order: moveAxis(bind1(argsortP, [moveAxis(t, axis, -1)], { descending }), -1, axis), axis };
}

/**
 * The positions that sort x along an axis, the last by default: `f32[n] → i32[n]`. Equal elements keep their order,
 * also when descending; NaN comes last in either case.
 *
 * @throws {ShapeError} If x has no axes.
 *
 * @example Usage
 * ```ts
 * import { argsort, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(argsort(tensor([3, 1, 3, 2])).arraySync(), [1, 3, 0, 2]);
 * assertEquals(argsort(tensor([3, 1, 3, 2]), { descending: true }).arraySync(), [0, 2, 3, 1]);
 * ```
 */
export function argsort(x: TensorLike, options: SortOptions = {}): Tensor {
  return ordering("argsort", toTensor("argsort", x), options).order;
}

/**
 * x sorted along an axis, the last by default: `f32[n] → f32[n]`. Equal elements keep their order, also when
 * descending; NaN comes last in either case. The derivative follows each element to its place.
 *
 * @throws {ShapeError} If x has no axes.
 *
 * @example Usage
 * ```ts
 * import { sort, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(sort(tensor([3, NaN, 1, 2])).arraySync(), [1, 2, 3, NaN]);
 * assertEquals(sort(tensor([[3, 1], [2, 4]]), { axis: 0, descending: true }).arraySync(), [[3, 4], [2, 1]]);
 * ```
 */
export function sort(x: TensorLike, options: SortOptions = {}): Tensor {
  const t = toTensor("sort", x);
  const { order, axis } = ordering("sort", t, options);
  return takeAlongAxis(t, order, { axis });
}

/**
 * The k largest elements along an axis, the last by default, and their positions, largest first: `f32[2,5] → { values:
 * f32[2,k], indices: i32[2,k] }`. Of equal elements the first comes first; NaN comes last.
 *
 * @throws {RangeError} If k is negative or larger than the axis.
 *
 * @example Usage
 * ```ts
 * import { tensor, topK } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const { values, indices } = topK(tensor([1, 4, 2, 4]), 3);
 * assertEquals(values.arraySync(), [4, 4, 2]);
 * assertEquals(indices.arraySync(), [1, 3, 2]);
 * ```
 */
export function topK(
  x: TensorLike,
  k: number,
  options: { readonly axis?: number | undefined } = {},
): { values: Tensor; indices: Tensor } {
  const t = toTensor("topK", x);
  checkOptions("topK", options, ["axis"]);
  const { order, axis } = ordering("topK", t, { axis: options.axis, descending: true });
  if (!Number.isInteger(k) || k < 0 || k > t.shape[axis]!) {
    throw new RangeError(`topK() cannot take ${String(k)} elements from axis ${axis} of ${typeString(t.type)}`);
  }
  const stop = Array.from({ length: axis + 1 }, (_, i) => (i === axis ? k : null));
  const indices = slice(order, { stop });
  return { values: takeAlongAxis(t, indices, { axis }), indices };
}
