/** Norms of vectors, and those norms of matrices that need no singular values. */

import { toFloat } from "./arguments.ts";
import { abs, div, mul, pow, square } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { onesLike } from "./create.ts";
import { describe, ShapeError } from "./errors.ts";
import { sqrt } from "./functions.ts";
import { isFinite, logicalAnd, notEqual, where } from "./logic.ts";
import { axisList, reshape } from "./movement.ts";
import { axesOf, type AxesOptions, countNonzero, countOver, largest, max, min, sum } from "./reduction.ts";
import { roundedOnce } from "./rounded_once.ts";
import { dropAxes, normalizeAxis, sizeOf, typeString } from "./shape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/** Which norm: a number, ±∞ among them, or "fro" for that of Frobenius. */
export type NormOrder = number | "fro";

/** Options of {@linkcode norm}. */
export interface NormOptions extends AxesOptions {
  /** Which norm; by default the root of the sum of squares. */
  readonly ord?: NormOrder | undefined;
}

/**
 * The norm over the given axes, or over all: `f32[2,3] → f32[2]` for axis 1. Integers and bools become float32.
 *
 * Without an order it is √(Σ x²), over any number of axes. Over one axis it is that of vectors:
 *
 * - ord 2: √(Σ x²), and ord p: (Σ |x|ᵖ)^(1/p),
 * - ord 1: Σ |x|,
 * - ord ∞ and −∞: the largest and the smallest |x|,
 * - ord 0: how many elements are not 0.
 *
 * Over two axes it is that of matrices, whose rows are counted along the first of them:
 *
 * - ord "fro": √(Σ x²),
 * - ord 1 and −1: the largest and the smallest sum of |x| over a column,
 * - ord ∞ and −∞: the largest and the smallest sum of |x| over a row.
 *
 * Squares and powers are taken of x over its largest element, so neither overflow nor underflow spoils the result. Over
 * an empty axis it is 0, or ∞ for a negative order. The derivative of √(Σ x²) is NaN where all elements are 0, and that of |x| is 0 at 0; of ord
 * ±∞ it is shared equally among ties.
 *
 * @throws {ShapeError} If an order is given for more than two axes, or there is nothing to choose the largest or smallest of.
 * @throws {RangeError} If there is no such order, or for matrices none that needs no singular values.
 *
 * @example Usage
 * ```ts
 * import { norm, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(norm(tensor([3, -4])).item(), 5);
 * assertEquals(norm(tensor([[3, -4], [0, 2]]), { ord: 1, axis: 1 }).arraySync(), [7, 2]);
 * assertEquals(norm(tensor([[3, -4], [0, 2]]), { ord: Infinity }).item(), 7);
 * ```
 */
export function norm(x: TensorLike, options: NormOptions = {}): Tensor {
  const t = toFloat("norm", x);
  const axis = axesOf("norm", t, options, ["axis", "keepDims", "ord"]);
  const { ord, keepDims } = options;
  if (ord !== undefined && ord !== "fro" && (typeof ord !== "number" || Number.isNaN(ord))) {
    throw new TypeError(`norm() takes an ord that is a number or "fro", got ${describe(ord)}`);
  }
  if (ord === undefined) return powerNorm(t, 2, { axis, keepDims });
  if (axis.length > 2) {
    throw new ShapeError(
      `norm() cannot take ord ${ord} over ${axis.length} axes of ${typeString(t.type)}: give one axis, or two`,
    );
  }
  if (axis.length === 2) return matrixNorm(t, ord, ordered(t, options), keepDims);
  return vectorNorm(t, ord, { axis, keepDims });
}

function vectorNorm(t: Tensor, ord: NormOrder, over: AxesOptions): Tensor {
  switch (ord) {
    case "fro":
      throw new RangeError('norm() cannot take ord "fro" over one axis: it is for matrices; ord 2 is the same');
    case 0:
      return cast(countNonzero(t, over), t.dtype);
    case 1:
      return sum(abs(t), over);
    case Infinity:
    case -Infinity:
      return extreme(abs(t), ord, over);
    default:
      return powerNorm(t, ord, over);
  }
}

/** The two axes in the order given: first that along which rows are counted. */
function ordered(t: Tensor, { axis }: NormOptions): readonly number[] {
  return axis === undefined ? [0, 1] : axisList("norm", axis).map((a) => normalizeAxis("norm", a, t.ndim));
}

function matrixNorm(t: Tensor, ord: NormOrder, axes: readonly number[], keepDims = false): Tensor {
  if (ord === "fro") return powerNorm(t, 2, { axis: axes, keepDims });
  if (Math.abs(ord) !== 1 && Math.abs(ord) !== Infinity) {
    throw new RangeError(
      `norm() cannot take ord ${ord} of a matrix: it knows "fro", 1, −1, ∞ and −∞, which need no singular values`,
    );
  }
  const [rows, columns] = axes as [number, number];
  const [along, across] = Math.abs(ord) === 1 ? [rows, columns] : [columns, rows];
  const sums = sum(abs(t), { axis: along, keepDims: true });
  const y = extreme(sums, ord, { axis: across, keepDims: true });
  return keepDims ? y : reshape(y, dropAxes(t.shape, axes));
}

/** The largest for a positive order, the smallest for a negative one. */
function extreme(t: Tensor, ord: number, over: AxesOptions): Tensor {
  const axes = axesOf("norm", t, over);
  if (countOver(t, axes) === 0 && sizeOf(dropAxes(t.shape, axes)) > 0) {
    throw new ShapeError(`norm() cannot choose from an empty axis of ${typeString(t.type)} for ord ${ord}`);
  }
  return (ord > 0 ? max : min)(t, over);
}

/** (Σ |x|ᵖ)^(1/p) for a finite p. */
function powerNorm(t: Tensor, p: number, { axis, keepDims }: AxesOptions): Tensor {
  return powerNormOver(t, { p, axis, keepDims });
}

const powerNormOver = roundedOnce("norm", (t, { p, axis, keepDims }: AxesOptions & { readonly p: number }) => {
  const top = largest(abs(t), axis);
  // The norm is proportional to x, so the scale may be any constant: without one where there is nothing to scale by.
  const scale = where(logicalAnd(isFinite(top), notEqual(top, 0)), top, onesLike(top));
  const scaled = div(t, scale);
  const y = p === 2
    ? sqrt(sum(square(scaled), { axis, keepDims: true }))
    : pow(sum(pow(abs(scaled), p), { axis, keepDims: true }), 1 / p);
  const whole = mul(y, scale);
  return keepDims ? whole : reshape(whole, dropAxes(t.shape, axis as readonly number[]));
});
