/** Quantiles: what lies at a fraction of the way through the sorted elements. */

import { toFloat } from "./arguments.ts";
import { add, floor, minimum, mul, sub } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { zerosLike } from "./create.ts";
import { type DType, wideOf } from "./dtype.ts";
import { describe, ShapeError } from "./errors.ts";
import { take } from "./indexing.ts";
import { literal } from "./literal.ts";
import { equal, greaterEqual, isFinite, isNaN, lessEqual, logicalAnd, logicalOr, where } from "./logic.ts";
import { moveAxis, reshape } from "./movement.ts";
import { axesOf, type AxesOptions, countOver } from "./reduction.ts";
import { dropAxes, typeString } from "./shape.ts";
import { sort } from "./sorting.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/**
 * The element that a fraction q of the others lie below, over the given axes, or over all: `f32[2,3] → f32[2]` for axis
 * 1. Several fractions add their axes in front: `f32[2,3], f32[k] → f32[k,2]`.
 *
 * Of n sorted elements it is that at position q · (n − 1), and between two positions the line between their elements.
 * Integers and bools become float32. It is NaN where there is a NaN, and for a q of a tensor outside [0, 1]. The
 * derivative goes to the elements it lies between, and through q along the line. This is the definition 7 of Hyndman
 * and Fan, "Sample quantiles in statistical packages" (1996).
 *
 * @param q Fractions from 0 to 1: a number, an array of numbers or a tensor.
 *
 * @throws {RangeError} If a number among the fractions is not in [0, 1].
 * @throws {ShapeError} If there is no element to choose from.
 *
 * @example Usage
 * ```ts
 * import { quantile, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([[4, 1, 3], [9, 7, 5]]);
 * assertEquals(quantile(x, 0.25, { axis: 1 }).arraySync(), [2, 6]);
 * assertEquals(quantile(x, [0, 1], { axis: 1 }).arraySync(), [[1, 5], [4, 9]]);
 * ```
 */
export function quantile(x: TensorLike, q: TensorLike | readonly number[], options: AxesOptions = {}): Tensor {
  return quantileOf("quantile", x, q, options);
}

/**
 * The middle element over the given axes, or over all, and of evenly many the mean of the two in the middle: `f32[2,3]
 * → f32[2]` for axis 1. It is {@linkcode quantile} at ½: integers and bools become float32, and it is NaN where there
 * is a NaN.
 *
 * @throws {ShapeError} If there is no element to choose from.
 *
 * @example Usage
 * ```ts
 * import { median, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(median(tensor([[5, 1, 2], [3, 9, 6]]), { axis: 1 }).arraySync(), [2, 6]);
 * assertEquals(median(tensor([5, 1, 2, 4])).item(), 3);
 * ```
 */
export function median(x: TensorLike, options: AxesOptions = {}): Tensor {
  return quantileOf("median", x, 0.5, options);
}

/** Where among n sorted elements the fractions lie: which element comes before, and the weight of the next. */
interface Place {
  readonly before: Tensor;
  readonly weight: Tensor;
}

function placeOf(q: TensorLike | readonly number[], n: number, { dtype, device }: Tensor): Place {
  if (typeof q !== "number" && !Array.isArray(q)) {
    const t = toFloat("quantile", q as TensorLike);
    return placeOfTensor(cast(t, wideOf(t.dtype)), n, dtype);
  }
  const list: readonly unknown[] = typeof q === "number" ? [q] : q;
  const shape = typeof q === "number" ? [] : [list.length];
  const positions = list.map((fraction) => {
    if (typeof fraction !== "number") {
      throw new TypeError(`quantile() takes fractions that are numbers, got ${describe(fraction)}`);
    }
    if (!(fraction >= 0 && fraction <= 1)) {
      throw new RangeError(`quantile() takes fractions from 0 to 1, got ${fraction}`);
    }
    return fraction * (n - 1);
  });
  return {
    before: literal(Int32Array.from(positions, Math.floor), { shape }, device),
    weight: literal(Float64Array.from(positions, (at) => at - Math.floor(at)), { shape, dtype }, device),
  };
}

function placeOfTensor(q: Tensor, n: number, dtype: DType): Place {
  const position = mul(q, n - 1);
  const whole = floor(position);
  const inside = logicalAnd(greaterEqual(q, 0), lessEqual(q, 1));
  return { before: cast(whole, "int32"), weight: cast(where(inside, sub(position, whole), NaN), dtype) };
}

function quantileOf(op: string, x: TensorLike, q: TensorLike | readonly number[], options: AxesOptions): Tensor {
  const t = toFloat(op, x, [q]);
  const axes = axesOf(op, t, options);
  const kept = dropAxes(t.shape, axes);
  const n = countOver(t, axes);
  if (n === 0) throw new ShapeError(`${op}() cannot choose from an empty axis of ${typeString(t.type)}`);
  const dtype = wideOf(t.dtype);
  const sorted = sort(reshape(moveAxis(cast(t, dtype), axes, axes.map((_, i) => kept.length + i)), [...kept, n]));

  const { before, weight } = placeOf(q, n, sorted);
  const a = take(sorted, before, { axis: -1 });
  const b = take(sorted, minimum(add(before, 1), n - 1), { axis: -1 });
  // NaN is sorted to the end, and is itself the result.
  const last = reshape(take(sorted, n - 1, { axis: -1 }), [...kept, ...weight.shape.map(() => 1)]);
  const y = cast(where(isNaN(last), last, between(a, b, weight)), t.dtype);

  const inFront = moveAxis(y, weight.shape.map((_, i) => kept.length + i), weight.shape.map((_, i) => i));
  return options.keepDims ? reshape(inFront, [...weight.shape, ...dropAxes(t.shape, axes, true)]) : inFront;
}

/** (1 − w)·a + w·b, exactly a where both are the same or w is 0, and infinite where an infinity has weight. */
function between(a: Tensor, b: Tensor, w: Tensor): Tensor {
  const finite = logicalAnd(isFinite(a), isFinite(b));
  const base = where(logicalOr(finite, equal(w, 0)), a, add(a, b));
  // Weighted apart, since b − a may overflow where neither does.
  const weighted = (x: Tensor): Tensor => mul(where(finite, x, zerosLike(x)), w);
  return add(base, sub(weighted(b), weighted(a)));
}
