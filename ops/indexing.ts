/** Reading and writing at computed positions, sorting, segments. */

import { checkOptions, promoted, toNumeric, toTensor } from "./arguments.ts";
import { bind1 } from "./bind.ts";
import { constantOf, iota, tensor, zerosLike } from "./create.ts";
import { kindOf } from "./dtype.ts";
import { add, cast, div, equal, greaterEqual, less, logicalAnd, maximum, mul, where } from "./elementwise.ts";
import { describe, ShapeError } from "./errors.ts";
import { alignBatch } from "./families.ts";
import type { Combiner } from "./kernel.ts";
import { broadcastTo, expandDims, flatten, moveAxis, reshape, slice } from "./movement.ts";
import { notDifferentiable, type Primitive } from "./primitive.ts";
import { broadcastShapes, checkCount, normalizeAxis, sameShape, type Shape, sizeOf, typeString } from "./shape.ts";
import { Tensor, type TensorLike } from "./tensor.ts";

/** Integer positions: a tensor, a number, or an array of numbers. */
export type Indices = Tensor | number | readonly number[];

/** x `[b, p, n, q]`, indices `[b, i]` → `[b, p, i, q]`. */
const gatherP: Primitive<null> = {
  name: "gather",
  infer: ([x, indices]) => {
    const [b, p, , q] = x!.shape;
    return [{ dtype: x!.dtype, shape: [b!, p!, indices!.shape[1]!, q!] }];
  },
  kernel: () => ({ kind: "gather" }),
  derivative: {
    kind: "linear",
    linear: [0],
    transpose: (g, [indices], _, [x]) => [scatter(indices!, g, x!.shape[2]!, "sum")],
  },
  batch([x, indices], [many, manyIndices], _, size) {
    if (many && manyIndices) return [splitBatch(gather(mergeBatch(x!), mergeBatch(indices!)), size)];
    if (many) return [unfold(gather(fold(x!, 1), indices!), 1, size)];
    return [unfold(gather(x!, fold(indices!, 1)), 2, size)];
  },
};

interface ScatterParams {
  readonly size: number;
  readonly combiner: Combiner;
}

/** indices `[b, i]`, updates `[b, p, i, q]` → `[b, p, size, q]`. */
const scatterP: Primitive<ScatterParams> = {
  name: "scatter",
  infer: ([, updates], { size }) => {
    const [b, p, , q] = updates!.shape;
    return [{ dtype: updates!.dtype, shape: [b!, p!, size, q!] }];
  },
  kernel: (_, { combiner }) => ({ kind: "scatter", combiner }),
  derivative: {
    kind: "linear",
    linear: [1],
    transpose: (g, [indices]) => [gatherOrZero(g, indices!)],
  },
  batch: batchScatter,
};

function batchScatter(
  this: Primitive<ScatterParams>,
  [indices, updates]: readonly Tensor[],
  [manyIndices, many]: readonly boolean[],
  params: ScatterParams,
  size: number,
): readonly Tensor[] {
  if (!manyIndices) return [unfold(bind1(this, [indices!, fold(updates!, 1)], params), 1, size)];
  const [, u] = alignBatch([indices!, updates!], [true, many!], size);
  return [splitBatch(bind1(this, [mergeBatch(indices!), mergeBatch(u!)], params), size)];
}

/** The largest or smallest update at each position; its gradient is shared equally among ties. */
const scatterExtremeP: Primitive<ScatterParams> = {
  ...scatterP,
  name: "scatterExtreme",
  derivative: {
    kind: "selection",
    of: 1,
    keeps: [0, 1, "y"],
    push: (t, [indices, u, y], { size }) => scatter(indices!, mul(t, shares(indices!, u!, y!)), size, "sum"),
    pull: (g, [indices, u, y]) => mul(gatherOrZero(g, indices!), shares(indices!, u!, y!)),
  },
};

/** One over the number of updates that attain the extreme of their position, 0 for the others. */
function shares(indices: Tensor, u: Tensor, y: Tensor): Tensor {
  const hits = cast(equal(u, gather(y, indices)), u.dtype);
  const ties = gather(scatter(indices, hits, y.shape[2]!, "sum"), indices);
  return where(equal(hits, 0), hits, div(hits, ties));
}

const argsortP: Primitive<{ readonly descending: boolean }> = {
  name: "argsort",
  infer: ([x]) => [{ dtype: "int32", shape: x!.shape }],
  kernel: (_, { descending }) => ({ kind: "argsort", descending }),
  derivative: notDifferentiable("argsort() returns positions"),
  batch(inputs, _, params) {
    return [bind1(this, inputs, params)];
  },
};

function gather(x: Tensor, indices: Tensor): Tensor {
  return bind1(gatherP, [x, indices], null);
}

function scatter(indices: Tensor, updates: Tensor, size: number, combiner: Combiner): Tensor {
  return bind1(combiner === "sum" ? scatterP : scatterExtremeP, [indices, updates], { size, combiner });
}

/** As {@linkcode gather}, with 0 where an index is out of range: what was dropped on writing has no cotangent. */
function gatherOrZero(x: Tensor, indices: Tensor): Tensor {
  const y = gather(x, indices);
  const inside = logicalAnd(greaterEqual(indices, 0), less(indices, x.shape[2]!));
  return where(expandDims(inside, [1, 3]), y, zerosLike(y));
}

/** `[v, b, …]` → `[v·b, …]`, and back. */
function mergeBatch(x: Tensor): Tensor {
  return reshape(x, [x.shape[0]! * x.shape[1]!, ...x.shape.slice(2)]);
}

function splitBatch(x: Tensor, size: number): Tensor {
  return reshape(x, [size, x.shape[0]! / size, ...x.shape.slice(1)]);
}

/** Moves the leading batch axis into `axis` of what remains, as its outer part; and back. */
function fold(x: Tensor, axis: number): Tensor {
  const y = moveAxis(x, 0, axis);
  return reshape(y, [...y.shape.slice(0, axis), y.shape[axis]! * y.shape[axis + 1]!, ...y.shape.slice(axis + 2)]);
}

function unfold(y: Tensor, axis: number, size: number): Tensor {
  const n = y.shape[axis]! / size;
  return moveAxis(reshape(y, [...y.shape.slice(0, axis), size, n, ...y.shape.slice(axis + 1)]), axis, 0);
}

/** Indices as int32, negative ones counted from the end of `n`. */
function positions(op: string, indices: Indices, n: number): Tensor {
  const at = inRange(op, indices, n, -n);
  if (!(indices instanceof Tensor)) return at;
  return at.dtype === "uint32" ? cast(at, "int32") : where(less(at, 0), add(at, n), at);
}

/** Indices as a tensor. Numbers are checked at once, from `low` to below `n`; inside a tensor any may be out of range. */
export function inRange(op: string, indices: Indices, n: number, low = 0): Tensor {
  if (indices instanceof Tensor) {
    if (kindOf(indices.dtype) === "integer") return indices;
    throw new TypeError(`${op}() takes integer indices, got ${typeString(indices.type)}: cast() them to int32`);
  }
  const list = typeof indices === "number" ? [indices] : indices;
  if (!Array.isArray(list)) {
    throw new TypeError(
      `${op}() takes indices as an integer tensor, a number or an array of numbers, got ${describe(indices)}`,
    );
  }
  for (const i of list) {
    if (typeof i !== "number" || !Number.isInteger(i)) {
      throw new TypeError(`${op}() takes integer indices, got ${describe(i)}`);
    }
    if (i < low || i >= n) throw new RangeError(`${op}() cannot use index ${i}: the axis has size ${n}`);
  }
  const shape = typeof indices === "number" ? [] : [list.length];
  return tensor(new Int32Array(list.map((i) => (i < 0 ? i + n : i))), { shape });
}

/** The part of a shape before and after an axis, as two sizes. */
function around(shape: Shape, axis: number): [before: number, after: number] {
  return [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis + 1))];
}

/**
 * Slices of x at the given positions along an axis: `f32[5,3], i32[2] → f32[2,3]` for axis 0. Without an axis the
 * flattened elements are taken. The indices' shape replaces the axis, so a number drops it.
 *
 * Negative indices count from the end. In an index tensor, one out of range reads NaN, 0 or false.
 *
 * @throws {TypeError} If the indices are no integers.
 * @throws {RangeError} If a number among the indices is out of range.
 *
 * @example Usage
 * ```ts
 * import { take, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([[1, 2], [3, 4], [5, 6]]);
 * assertEquals(take(x, [2, 0], { axis: 0 }).arraySync(), [[5, 6], [1, 2]]);
 * assertEquals(take(x, -1, { axis: 1 }).arraySync(), [2, 4, 6]);
 * assertEquals(take(x, tensor([0, 9], { dtype: "int32" })).arraySync(), [1, NaN]);
 * ```
 */
export function take(x: TensorLike, indices: Indices, options: { readonly axis?: number | undefined } = {}): Tensor {
  const given = toTensor("take", x);
  checkOptions("take", options);
  const t = options.axis === undefined ? flatten(given) : given;
  const axis = normalizeAxis("take", options.axis, t.ndim, 0);
  const at = positions("take", indices, t.shape[axis]!);
  const [before, after] = around(t.shape, axis);
  const y = gather(reshape(t, [1, before, t.shape[axis]!, after]), reshape(at, [1, at.size]));
  return reshape(y, [...t.shape.slice(0, axis), ...at.shape, ...t.shape.slice(axis + 1)]);
}

/**
 * For each line along an axis the elements at positions of its own: `f32[2,3], i32[2,1] → f32[2,1]` for axis 1. What
 * {@linkcode argsort} gives can be used so. All other sizes are equal or 1; without an axis x is flattened first.
 *
 * Negative indices count from the end. In an index tensor, one out of range reads NaN, 0 or false.
 *
 * @throws {TypeError} If the indices are no integers.
 * @throws {ShapeError} If the other sizes do not fit.
 *
 * @example Usage
 * ```ts
 * import { takeAlongAxis, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([[1, 2, 3], [4, 5, 6]]);
 * const indices = tensor([[2], [0]], { dtype: "int32" });
 * assertEquals(takeAlongAxis(x, indices, { axis: 1 }).arraySync(), [[3], [4]]);
 * ```
 */
export function takeAlongAxis(
  x: TensorLike,
  indices: Indices,
  options: { readonly axis?: number | undefined } = {},
): Tensor {
  const op = "takeAlongAxis";
  const given = toTensor(op, x);
  checkOptions(op, options);
  const t = options.axis === undefined ? flatten(given) : given;
  const axis = normalizeAxis(op, options.axis, t.ndim, 0);
  const at = positions(op, indices, t.shape[axis]!);
  const fits = at.ndim === t.ndim &&
    t.shape.every((n, i) => i === axis || n === at.shape[i] || n === 1 || at.shape[i] === 1);
  if (!fits) {
    throw new ShapeError(
      `takeAlongAxis() cannot use indices ${typeString(at.type)} along axis ${axis} of ${typeString(t.type)}: ` +
        "the other sizes must be equal or 1",
    );
  }
  const others = t.shape.map((n, i) => (n === 1 ? at.shape[i]! : n)).filter((_, i) => i !== axis);
  const lines = (s: Tensor): Tensor => {
    const last = moveAxis(s, axis, -1);
    return reshape(broadcastTo(last, [...others, last.shape.at(-1)!]), [sizeOf(others), last.shape.at(-1)!]);
  };
  const y = gather(expandDims(lines(t), [1, 3]), lines(at));
  return moveAxis(reshape(y, [...others, at.shape[axis]!]), -1, axis);
}

/** The tensor, its axis, the positions and the values, shaped for the scatter primitives. */
function writing(
  op: string,
  x: TensorLike,
  indices: Indices,
  values: TensorLike,
  options: { readonly axis?: number | undefined },
): {
  t: Tensor;
  canonical: Tensor;
  at: Tensor;
  u: Tensor;
} {
  const t = toTensor(op, x);
  checkOptions(op, options);
  const axis = normalizeAxis(op, options.axis, t.ndim, 0);
  const n = t.shape[axis]!;
  const at = positions(op, indices, n);
  const v = promoted(op, [t, values])[1]!;
  if (v.dtype !== t.dtype) {
    throw new TypeError(`${op}() cannot write ${typeString(v.type)} into ${typeString(t.type)}: cast() one of them`);
  }
  const slot = [...t.shape.slice(0, axis), ...at.shape, ...t.shape.slice(axis + 1)];
  const fitted = broadcastShapes(v.shape, slot);
  if (fitted === null || !sameShape(fitted, slot)) {
    throw new ShapeError(
      `${op}() cannot write ${typeString(v.type)} into ${typeString(t.type)} along axis ${axis}: ` +
        `the values must broadcast to [${slot}]`,
    );
  }
  const [before, after] = around(t.shape, axis);
  return {
    t,
    canonical: reshape(t, [1, before, n, after]),
    at: reshape(at, [1, at.size]),
    u: reshape(broadcastTo(v, slot), [1, before, at.size, after]),
  };
}

/**
 * x with the slices at the given positions along an axis (0 by default) replaced: `f32[5,3], i32[2], f32[2,3] →
 * f32[5,3]`.
 *
 * The values broadcast to the shape {@linkcode take} would give. The last of several writes to one position wins.
 * Negative indices count from the end; in an index tensor, a write out of range is dropped. The derivative goes to the
 * values that were written, and to the elements of x that were not overwritten.
 *
 * @throws {TypeError} If the indices are no integers, or the values' dtype does not fit that of x.
 * @throws {RangeError} If a number among the indices is out of range.
 * @throws {ShapeError} If the values do not broadcast.
 *
 * @example Usage
 * ```ts
 * import { indexUpdate, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(indexUpdate(tensor([1, 2, 3]), [0, -1], tensor([8, 9])).arraySync(), [8, 2, 9]);
 * assertEquals(indexUpdate(tensor([[1, 2], [3, 4]]), 1, 0, { axis: 1 }).arraySync(), [[1, 0], [3, 0]]);
 * ```
 */
export function indexUpdate(
  x: TensorLike,
  indices: Indices,
  values: TensorLike,
  options: { readonly axis?: number | undefined } = {},
): Tensor {
  const { t, canonical, at, u } = writing("indexUpdate", x, indices, values, options);
  // The last of several writes to one position wins: its number is the largest.
  const order = reshape(iota([at.size], 0), [1, 1, at.size, 1]);
  const last = scatter(at, order, canonical.shape[2]!, "max");
  const written = greaterEqual(last, 0);
  const chosen = gather(u, reshape(maximum(last, 0), [1, canonical.shape[2]!]));
  return reshape(where(written, chosen, canonical), t.shape);
}

/**
 * x with values added at the given positions along an axis (0 by default): `f32[5,3], i32[2], f32[2,3] → f32[5,3]`.
 *
 * The values broadcast to the shape {@linkcode take} would give. Where a position repeats, all its values are added.
 * Negative indices count from the end; in an index tensor, a write out of range is dropped.
 *
 * @throws {TypeError} If x is bool, the indices are no integers, or the values' dtype does not fit that of x.
 * @throws {RangeError} If a number among the indices is out of range.
 * @throws {ShapeError} If the values do not broadcast.
 *
 * @example Usage
 * ```ts
 * import { indexAdd, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(indexAdd(tensor([1, 2, 3]), [0, 0, 2], tensor([10, 20, 30])).arraySync(), [31, 2, 33]);
 * ```
 */
export function indexAdd(
  x: TensorLike,
  indices: Indices,
  values: TensorLike,
  options: { readonly axis?: number | undefined } = {},
): Tensor {
  const { t, canonical, at, u } = writing("indexAdd", toNumeric("indexAdd", x), indices, values, options);
  return reshape(add(canonical, scatter(at, u, canonical.shape[2]!, "sum")), t.shape);
}

function segment(op: string, x: TensorLike, ids: Indices, n: number, combiner: Combiner): Tensor {
  const t = toNumeric(op, x);
  checkCount(op, "n", n);
  const to = inRange(op, ids, n);
  if (t.ndim === 0 || to.ndim !== 1 || to.size !== t.shape[0]) {
    throw new ShapeError(
      `${op}() needs one segment number for each row of ${typeString(t.type)}, got ${typeString(to.type)}`,
    );
  }
  const [, after] = around(t.shape, 0);
  const y = scatter(cast(reshape(to, [1, to.size]), "int32"), reshape(t, [1, 1, to.size, after]), n, combiner);
  return reshape(y, [n, ...t.shape.slice(1)]);
}

/**
 * The sum of the rows of each segment: `f32[r,…], i32[r] → f32[n,…]`. Row i belongs to segment `ids[i]`, in any order;
 * an empty segment has 0. In a tensor, an id below 0 or from n on drops its row.
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
  const total = segment("segmentMean", t, ids, n, "sum");
  const counts = segment("segmentMean", constantOf(1, "int32", [t.shape[0]!]), ids, n, "sum");
  return div(total, reshape(maximum(counts, 1), [n, ...total.shape.slice(1).map(() => 1)]));
}

/** Options of {@linkcode sort} and {@linkcode argsort}. */
export interface SortOptions {
  /** The axis, negative ones counted from the end; the last by default. */
  readonly axis?: number | undefined;
  /** Whether the largest come first. */
  readonly descending?: boolean | undefined;
}

/** The positions that sort a tensor, and along which axis. */
function ordering(op: string, t: Tensor, options: SortOptions): { order: Tensor; axis: number } {
  checkOptions(op, options);
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
  checkOptions("topK", options);
  const { order, axis } = ordering("topK", t, { axis: options.axis, descending: true });
  if (!Number.isInteger(k) || k < 0 || k > t.shape[axis]!) {
    throw new RangeError(`topK() cannot take ${String(k)} elements from axis ${axis} of ${typeString(t.type)}`);
  }
  const stop = Array.from({ length: axis + 1 }, (_, i) => (i === axis ? k : null));
  const indices = slice(order, { stop });
  return { values: takeAlongAxis(t, indices, { axis }), indices };
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
  return segment("bincount", constantOf(1, "int32", [t.size]), flatten(t), length, "sum");
}
