/** Reductions over axes, and what is made of them. */

import { checkOptions, countable, toFloat, toTensor } from "./arguments.ts";
import { bind1 } from "./bind.ts";
import { constantOf, zerosLike } from "./create.ts";
import { add, div, mul, square, sub } from "./arithmetic.ts";
import { cast, stopGradient } from "./cast.ts";
import { exp, log, sqrt } from "./functions.ts";
import { equal, isFinite, where } from "./logic.ts";
import { derived } from "./derived.ts";
import { wideOf } from "./dtype.ts";
import { describe, ShapeError } from "./errors.ts";
import { linear, perDType } from "./families.ts";
import type { Kernel } from "./kernel.ts";
import { concatenate } from "./joining.ts";
import { broadcastTo, flatten, moveAxis, reshape, slice } from "./movement.ts";
import { notDifferentiable, type Primitive } from "./primitive.ts";
import { roundedOnce, throughFloat32 } from "./rounded_once.ts";
import { input } from "./scalar.ts";
import { dropAxes, normalizeAxes, normalizeAxis, type Shape, sizeOf, typeString } from "./shape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/** Options of reductions over one axis, several or all. */
export interface AxesOptions {
  /** The axis or axes to reduce, negative ones counted from the end; all by default. */
  readonly axis?: number | readonly number[] | undefined;
  /** Whether reduced axes stay, with size 1. */
  readonly keepDims?: boolean | undefined;
}

/** Options of operations along a single axis. */
export interface AxisOptions {
  /** The axis, negative ones counted from the end. */
  readonly axis?: number | undefined;
  /** Whether a reduced axis stays, with size 1. */
  readonly keepDims?: boolean | undefined;
}

/** Options of {@linkcode variance} and {@linkcode std}. */
export interface VarianceOptions extends AxesOptions {
  /** How many degrees of freedom to subtract from the count; 0 by default, 1 for the unbiased estimate. */
  readonly ddof?: number | undefined;
}

interface Axes {
  readonly axes: readonly number[];
}

const element = perDType((dtype) => input(0, dtype));

/** Puts reduced axes back with their full size. */
function spread(y: Tensor, axes: readonly number[], shape: Shape): Tensor {
  return broadcastTo(reshape(y, dropAxes(shape, axes, true)), shape);
}

const sumP = linear<Axes>({
  name: "sum",
  shape: (x, { axes }) => dropAxes(x.shape, axes),
  kernel: ({ dtype }, { axes }) => ({ kind: "reduce", combiner: "sum", axes, body: element(dtype) }),
  transpose: (g, { axes }, x) => spread(g, axes, x.shape),
  batch: ({ axes }) => ({ axes: axes.map((i) => i + 1) }),
});

/** The largest or smallest element; its gradient is shared equally among ties. */
function extremeReduction(name: "max" | "min"): Primitive<Axes> {
  /** Where the extreme is attained, each weighted by one over how often. */
  function shares(x: Tensor, y: Tensor, axes: readonly number[]): Tensor {
    const hits = cast(equal(x, spread(y, axes, x.shape)), wideOf(x.dtype));
    return cast(div(hits, spread(sum(hits, { axis: axes }), axes, x.shape)), x.dtype);
  }
  return {
    name,
    infer: ([x], { axes }) => [{ dtype: x!.dtype, shape: dropAxes(x!.shape, axes) }],
    kernel: ([x], { axes }): Kernel => ({ kind: "reduce", combiner: name, axes, body: element(x!.dtype) }),
    derivative: {
      kind: "selection",
      of: 0,
      keeps: [0, "y"],
      push: (t, [x, y], { axes }) => sum(mul(t, shares(x!, y!, axes)), { axis: axes }),
      pull: (g, [x, y], { axes }) => mul(spread(g, axes, x!.shape), shares(x!, y!, axes)),
    },
    batch(inputs, _, { axes }) {
      return [bind1(this, inputs, { axes: axes.map((i) => i + 1) })];
    },
  };
}

const maxP = extremeReduction("max");
const minP = extremeReduction("min");

const argReduceP: Primitive<{ readonly extreme: "max" | "min"; readonly axis: number }> = {
  name: "argReduce",
  infer: ([x], { axis }) => [{ dtype: "int32", shape: dropAxes(x!.shape, [axis]) }],
  kernel: (_, { extreme, axis }) => ({ kind: "argReduce", extreme, axis }),
  derivative: notDifferentiable("argmax() and argmin() return positions"),
  batch(inputs, _, { extreme, axis }) {
    return [bind1(this, inputs, { extreme, axis: axis + 1 })];
  },
};

/** The reduced axes, checked. */
export function axesOf<O extends AxesOptions>(
  op: string,
  t: Tensor,
  options: O,
  known: readonly (keyof O & string)[] = ["axis", "keepDims"],
): number[] {
  checkOptions(op, options, known);
  return normalizeAxes(op, options.axis, t.ndim);
}

function reduce(op: string, primitive: Primitive<Axes>, t: Tensor, options: AxesOptions): Tensor {
  const axes = axesOf(op, t, options);
  // A tensor of rank 0 has no axes to reduce, and every reduction of one element is that element.
  const y = axes.length === 0 ? t : bind1(primitive, [t], { axes });
  return options.keepDims ? reshape(y, dropAxes(t.shape, axes, true)) : y;
}

/**
 * The sum over the given axes, or over all: `f32[2,3] → f32[3]` for axis 0. Bools are counted as int32; integers keep
 * their dtype and wrap; float16 is added up in float32 and rounded once. Over an empty axis it is 0.
 *
 * A float32 sum is off by at most 30·2⁻²⁴ of Σ |x|, however many elements there are: only short runs of them are added up
 * in float32, and those in float64. What the additions of a float64 sum round off is added up as well.
 *
 * @example Usage
 * ```ts
 * import { sum, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([[1, 2, 3], [4, 5, 6]]);
 * assertEquals(sum(x).item(), 21);
 * assertEquals(sum(x, { axis: 0 }).arraySync(), [5, 7, 9]);
 * assertEquals(sum(x, { axis: 1, keepDims: true }).arraySync(), [[6], [15]]);
 * ```
 */
export function sum(x: TensorLike, options: AxesOptions = {}): Tensor {
  return reduce("sum", sumP, countable("sum", x), options);
}

/**
 * The mean over the given axes, or over all: `f32[2,3] → f32[3]` for axis 0. Integers and bools become float32;
 * float16 is rounded once, in the end. Over an empty axis it is NaN. Its error is that of the {@linkcode sum}.
 *
 * @example Usage
 * ```ts
 * import { mean, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(mean(tensor([[1, 2, 3], [4, 5, 6]]), { axis: 1 }).arraySync(), [2, 5]);
 * assertEquals(mean(tensor([true, false])).item(), 0.5);
 * ```
 */
export function mean(x: TensorLike, options: AxesOptions = {}): Tensor {
  return meanOver(toFloat("mean", x), options);
}

const meanOver = roundedOnce(
  "mean",
  (t, options: AxesOptions) => div(reduce("mean", sumP, t, options), countOver(t, axesOf("mean", t, options))),
);

/** How many elements a reduction combines. */
export function countOver(t: Tensor, axes: readonly number[]): number {
  return sizeOf(axes.map((i) => t.shape[i]!));
}

/**
 * The product over the given axes, or over all: `f32[2,3] → f32[3]` for axis 0. Bools become int32; integers keep
 * their dtype and wrap; float16 is multiplied in float32 and rounded once. Over an empty axis it is 1. The derivative is right also where elements are 0.
 *
 * @example Usage
 * ```ts
 * import { grad, prod, type Tensor, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(prod(tensor([2, 3, 4])).item(), 24);
 * assertEquals(grad((x: Tensor) => prod(x))(tensor([0, 2, 3])).arraySync(), [6, 0, 0]);
 * ```
 */
export function prod(x: TensorLike, options: AxesOptions = {}): Tensor {
  return prodOver(countable("prod", x), options);
}

const prodOver = roundedOnce("prod", (t, options: AxesOptions) => {
  const axes = axesOf("prod", t, options);
  const kept = dropAxes(t.shape, axes);
  let y = reshape(moveAxis(t, axes, axes.map((_, i) => kept.length + i)), [...kept, countOver(t, axes)]);
  const axis = kept.length;
  const at = (start: number, stop: number): { start: number[]; stop: number[] } => ({
    start: [...kept.map(() => 0), start],
    stop: [...kept, stop],
  });
  for (let n = y.shape[axis]!; n > 1; n = y.shape[axis]!) {
    const half = Math.floor(n / 2);
    const product = mul(slice(y, at(0, half)), slice(y, at(half, 2 * half)));
    y = n % 2 === 0 ? product : concatenate([product, slice(y, at(n - 1, n))], { axis });
  }
  const shape = options.keepDims ? dropAxes(t.shape, axes, true) : kept;
  return y.shape[axis] === 0 ? constantOf(1, t.dtype, shape, t.device) : reshape(y, shape);
});

function extreme(primitive: Primitive<Axes>, x: TensorLike, options: AxesOptions): Tensor {
  const t = toTensor(primitive.name, x);
  const axes = axesOf(primitive.name, t, options);
  if (countOver(t, axes) === 0 && sizeOf(dropAxes(t.shape, axes)) > 0) {
    throw new ShapeError(`${primitive.name}() cannot choose from an empty axis of ${typeString(t.type)}`);
  }
  return reduce(primitive.name, primitive, t, options);
}

/**
 * The largest element over the given axes, or over all: `f32[2,3] → f32[3]` for axis 0; of bools it is "any". NaN if
 * there is one. The derivative is shared equally among ties.
 *
 * @throws {ShapeError} If there is no element to choose from.
 *
 * @example Usage
 * ```ts
 * import { grad, max, type Tensor, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(max(tensor([[1, 5], [3, 2]]), { axis: 0 }).arraySync(), [3, 5]);
 * assertEquals(grad((x: Tensor) => max(x))(tensor([1, 3, 3])).arraySync(), [0, 0.5, 0.5]);
 * ```
 */
export function max(x: TensorLike, options: AxesOptions = {}): Tensor {
  return extreme(maxP, x, options);
}

/**
 * The smallest element over the given axes, or over all: `f32[2,3] → f32[3]` for axis 0; of bools it is "all". NaN if
 * there is one. The derivative is shared equally among ties.
 *
 * @throws {ShapeError} If there is no element to choose from.
 *
 * @example Usage
 * ```ts
 * import { min, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(min(tensor([[1, 5], [3, 2]]), { axis: 0 }).arraySync(), [1, 2]);
 * ```
 */
export function min(x: TensorLike, options: AxesOptions = {}): Tensor {
  return extreme(minP, x, options);
}

/**
 * How many elements over the given axes, or over all, are not 0: `f32[2,3] → i32[3]` for axis 0. NaN is not 0. Over an
 * empty axis it is 0.
 *
 * @example Usage
 * ```ts
 * import { countNonzero, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(countNonzero(tensor([[1, 0, 3], [0, 0, 6]]), { axis: 1 }).arraySync(), [2, 1]);
 * ```
 */
export function countNonzero(x: TensorLike, options: AxesOptions = {}): Tensor {
  const isNonzero = cast(toTensor("countNonzero", x), "bool");
  return reduce("countNonzero", sumP, cast(isNonzero, "int32"), options);
}

/**
 * Whether any element over the given axes, or over all, is true: `bool[2,3] → bool[3]` for axis 0. Numbers are true
 * where they are not 0 (NaN included). Over an empty axis it is false.
 *
 * @example Usage
 * ```ts
 * import { any, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(any(tensor([[true, false], [false, false]]), { axis: 1 }).arraySync(), [true, false]);
 * ```
 */
export function any(x: TensorLike, options: AxesOptions = {}): Tensor {
  return reduce("any", maxP, cast(toTensor("any", x), "bool"), options);
}

/**
 * Whether all elements over the given axes, or over all, are true: `bool[2,3] → bool[3]` for axis 0. Numbers are true
 * where they are not 0 (NaN included). Over an empty axis it is true.
 *
 * @example Usage
 * ```ts
 * import { all, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(all(tensor([[true, true], [true, false]]), { axis: 1 }).arraySync(), [true, false]);
 * ```
 */
export function all(x: TensorLike, options: AxesOptions = {}): Tensor {
  return reduce("all", minP, cast(toTensor("all", x), "bool"), options);
}

function argExtreme(op: "argmax" | "argmin", x: TensorLike, options: AxisOptions): Tensor {
  const given = toTensor(op, x);
  checkOptions(op, options, ["axis", "keepDims"]);
  const t = options.axis === undefined ? flatten(given) : given;
  const axis = normalizeAxis(op, options.axis, t.ndim, 0);
  if (t.shape[axis] === 0) {
    throw new ShapeError(`${op}() cannot choose from an empty axis of ${typeString(given.type)}`);
  }
  const y = bind1(argReduceP, [t], { extreme: op === "argmax" ? "max" : "min", axis });
  if (!options.keepDims) return y;
  return reshape(y, options.axis === undefined ? given.shape.map(() => 1) : dropAxes(t.shape, [axis], true));
}

/**
 * The position of the largest element along an axis: `f32[2,3] → i32[3]` for axis 0. Without an axis it is the
 * position among the flattened elements. Of ties it is the first; a NaN counts as the largest.
 *
 * @throws {ShapeError} If the axis is empty.
 *
 * @example Usage
 * ```ts
 * import { argmax, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([[1, 5, 5], [7, 2, 3]]);
 * assertEquals(argmax(x, { axis: 1 }).arraySync(), [1, 0]);
 * assertEquals(argmax(x).item(), 3);
 * ```
 */
export function argmax(x: TensorLike, options: AxisOptions = {}): Tensor {
  return argExtreme("argmax", x, options);
}

/**
 * The position of the smallest element along an axis: `f32[2,3] → i32[3]` for axis 0. Without an axis it is the
 * position among the flattened elements. Of ties it is the first; a NaN counts as the smallest.
 *
 * @throws {ShapeError} If the axis is empty.
 *
 * @example Usage
 * ```ts
 * import { argmin, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(argmin(tensor([[1, 5, 5], [7, 2, 3]]), { axis: 1 }).arraySync(), [0, 1]);
 * ```
 */
export function argmin(x: TensorLike, options: AxisOptions = {}): Tensor {
  return argExtreme("argmin", x, options);
}

/**
 * The variance over the given axes, or over all, Σ (x − mean)² / (n − ddof): `f32[2,3] → f32[3]` for axis 0. Integers
 * and bools become float32. Over an empty axis it is NaN; where n ≤ ddof the divisor is 0. It adds up the squares of
 * differences, so that a large mean costs no more than the square of its own error.
 *
 * @example Usage
 * ```ts
 * import { tensor, variance } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(variance(tensor([1, 2, 3, 4])).item(), 1.25);
 * assertEquals(variance(tensor([1, 2, 3]), { ddof: 1 }).item(), 1);
 * ```
 */
export function variance(x: TensorLike, options: VarianceOptions = {}): Tensor {
  return varianceOver(toFloat("variance", x), options);
}

/**
 * The standard deviation over the given axes, or over all, √(Σ (x − mean)² / (n − ddof)): `f32[2,3] → f32[3]` for axis
 * 0. Integers and bools become float32. Over an empty axis it is NaN. The derivative is NaN where all elements are
 * equal.
 *
 * @example Usage
 * ```ts
 * import { std, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(std(tensor([1, 3, 1, 3])).item(), 1);
 * ```
 */
export function std(x: TensorLike, options: VarianceOptions = {}): Tensor {
  return stdOver(toFloat("std", x), options);
}

const varianceOver = roundedOnce("variance", (t, options: VarianceOptions) => varianceOf("variance", t, options));
const stdOver = roundedOnce("std", (t, options: VarianceOptions) => sqrt(varianceOf("std", t, options)));

function varianceOf(op: string, t: Tensor, options: VarianceOptions): Tensor {
  const axis = axesOf(op, t, options, ["axis", "keepDims", "ddof"]);
  const { keepDims, ddof = 0 } = options;
  if (typeof ddof !== "number") throw new TypeError(`${op}() takes a ddof that is a number, got ${describe(ddof)}`);
  return div(squaresAround([t], { axis, keepDims }), Math.max(0, countOver(t, axis) - ddof));
}

/** Σ (x − mean)² */
const squaresAround = derived("variance", ([t], { axis, keepDims }: AxesOptions) => {
  return sum(square(sub(t!, mean(t!, { axis, keepDims: true }))), { axis, keepDims });
});

/** The largest elements, as constants, with their axes kept: what is subtracted before an exp. */
export function largest(t: Tensor, axis: number | readonly number[] | undefined): Tensor {
  return stopGradient(reduce("max", maxP, t, { axis, keepDims: true }));
}

const logSumExpOver = derived("logSumExp", (xs, axis: readonly number[]) =>
  throughFloat32(xs, (t) => {
    const max = largest(t!, axis);
    // Where nothing is finite to subtract, ∞ − ∞ would be NaN.
    const top = where(isFinite(max), max, zerosLike(max));
    return add(log(sum(exp(sub(t!, top)), { axis, keepDims: true })), top);
  }));

/**
 * log Σ e^x over the given axes, or over all, without overflow: `f32[2,3] → f32[2]` for axis 1. Integers and bools
 * become float32. Over an empty axis, or where all elements are −∞, it is −∞.
 *
 * @example Usage
 * ```ts
 * import { logSumExp, tensor } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(logSumExp(tensor([1e3, 1e3], { dtype: "float64" })).item() as number, 1e3 + Math.LN2, 1e-12);
 * ```
 */
export function logSumExp(x: TensorLike, options: AxesOptions = {}): Tensor {
  const t = toFloat("logSumExp", x);
  const axes = axesOf("logSumExp", t, options);
  const y = logSumExpOver([t], axes);
  return options.keepDims ? y : reshape(y, dropAxes(t.shape, axes));
}
