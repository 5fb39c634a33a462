/** Reductions over the rows that share a number. */

import { toNumeric, toTensor } from "./arguments.ts";
import { div, maximum } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { constantOf } from "./create.ts";
import { type DType, isFloat, kindOf, wideOf } from "./dtype.ts";
import { ShapeError } from "./errors.ts";
import { around, type Indices, inRange, scatter } from "./indexing.ts";
import type { Combiner } from "./kernel.ts";
import { flatten, reshape } from "./movement.ts";
import { checkCount, typeString } from "./shape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/** Rows combined by their segment, as `dtype` if it is given. */
function segment(op: string, x: TensorLike, ids: Indices, n: number, combiner: Combiner, dtype?: DType): Tensor {
  const t = toNumeric(op, x);
  checkCount(op, "n", n);
  const to = inRange(op, ids, n, t.device);
  if (t.ndim === 0 || to.ndim !== 1 || to.size !== t.shape[0]) {
    throw new ShapeError(
      `${op}() needs one segment number for each row of ${typeString(t.type)}, got ${typeString(to.type)}`,
    );
  }
  const [, after] = around(t.shape, 0);
  const rows = cast(reshape(t, [1, 1, to.size, after]), dtype ?? t.dtype);
  const y = scatter(cast(reshape(to, [1, to.size]), "int32"), rows, n, combiner);
  return reshape(y, [n, ...t.shape.slice(1)]);
}

/**
 * The sum of the rows of each segment: `f32[r,…], i32[r] → f32[n,…]`. Row i belongs to segment `ids[i]`, in any order;
 * an empty segment has 0. In a tensor, an id below 0 or from n on drops its row. Rows of float16 are added up in
 * float32, and rounded once.
 *
 * @throws {TypeError} If x is bool or the ids are no integers.
 * @throws {ShapeError} If there is not one id for each row.
 * @throws {RangeError} If a number among the ids is out of range.
 *
 * @example Usage
 * ```ts
 * import { segmentSum, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(segmentSum(tensor([1, 2, 3, 4]), [0, 1, 0, 1], 3).arraySync(), [4, 6, 0]);
 * ```
 */
export function segmentSum(x: TensorLike, ids: Indices, n: number): Tensor {
  return segment("segmentSum", x, ids, n, "sum");
}

/**
 * The largest of the rows of each segment, elementwise: `f32[r,…], i32[r] → f32[n,…]`. Row i belongs to segment
 * `ids[i]`, in any order; an empty segment has −∞, or the smallest integer. In a tensor, an id below 0 or from n on
 * drops its row. NaN wins; the derivative is shared equally among ties.
 *
 * @throws {TypeError} If x is bool or the ids are no integers.
 * @throws {ShapeError} If there is not one id for each row.
 * @throws {RangeError} If a number among the ids is out of range.
 *
 * @example Pooling over a partition
 * ```ts
 * import { segmentMax, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([2, 4, 3, 7, 6, 4, 1, 0, 2, 9]);
 * assertEquals(segmentMax(x, [0, 0, 0, 1, 1, 2, 2, 3, 3, 3], 4).arraySync(), [4, 7, 4, 9]);
 * ```
 */
export function segmentMax(x: TensorLike, ids: Indices, n: number): Tensor {
  return segment("segmentMax", x, ids, n, "max");
}

/**
 * The smallest of the rows of each segment, elementwise: `f32[r,…], i32[r] → f32[n,…]`. Row i belongs to segment
 * `ids[i]`, in any order; an empty segment has ∞, or the largest integer. In a tensor, an id below 0 or from n on
 * drops its row. NaN wins; the derivative is shared equally among ties.
 *
 * @throws {TypeError} If x is bool or the ids are no integers.
 * @throws {ShapeError} If there is not one id for each row.
 * @throws {RangeError} If a number among the ids is out of range.
 *
 * @example Usage
 * ```ts
 * import { segmentMin, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(segmentMin(tensor([1, 2, 3, 4]), [0, 1, 0, 1], 2).arraySync(), [1, 2]);
 * ```
 */
export function segmentMin(x: TensorLike, ids: Indices, n: number): Tensor {
  return segment("segmentMin", x, ids, n, "min");
}

/**
 * The mean of the rows of each segment: `f32[r,…], i32[r] → f32[n,…]`. Row i belongs to segment `ids[i]`, in any
 * order; an empty segment has 0. In a tensor, an id below 0 or from n on drops its row. Integers become float32.
 *
 * @throws {TypeError} If x is bool or the ids are no integers.
 * @throws {ShapeError} If there is not one id for each row.
 * @throws {RangeError} If a number among the ids is out of range.
 *
 * @example Usage
 * ```ts
 * import { segmentMean, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(segmentMean(tensor([1, 2, 3, 4]), [0, 1, 0, 1], 2).arraySync(), [2, 3]);
 * ```
 */
export function segmentMean(x: TensorLike, ids: Indices, n: number): Tensor {
  const t = toNumeric("segmentMean", x);
  const total = segment("segmentMean", t, ids, n, "sum", wideOf(t.dtype));
  const counts = segment("segmentMean", constantOf(1, "int32", [t.shape[0]!], t.device), ids, n, "sum");
  const means = div(total, reshape(maximum(counts, 1), [n, ...total.shape.slice(1).map(() => 1)]));
  return isFloat(t.dtype) ? cast(means, t.dtype) : means;
}

/**
 * How often each of 0 … length − 1 occurs among all elements: `i32[…] → i32[length]`. Other values are not counted.
 *
 * @throws {TypeError} If x has no integer dtype.
 *
 * @example Usage
 * ```ts
 * import { bincount, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(bincount(tensor([0, 2, 2, 7], { dtype: "int32" }), 3).arraySync(), [1, 0, 2]);
 * ```
 */
export function bincount(x: Tensor, length: number): Tensor {
  const t = toTensor("bincount", x);
  if (kindOf(t.dtype) !== "integer") throw new TypeError(`bincount() counts integers, got ${typeString(t.type)}`);
  checkCount("bincount", "length", length);
  return segment("bincount", constantOf(1, "int32", [t.size], t.device), flatten(t), length, "sum");
}
