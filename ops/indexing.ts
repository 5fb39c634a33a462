/** Reading and writing at computed positions. */

import { checkOptions, promoted, toNumeric, toTensor } from "./arguments.ts";
import { add, div, maximum, mul } from "./arithmetic.ts";
import { bind1 } from "./bind.ts";
import { cast } from "./cast.ts";
import { iota, zerosLike } from "./create.ts";
import { literal } from "./literal.ts";
import { kindOf, wideOf } from "./dtype.ts";
import { describe, ShapeError } from "./errors.ts";
import { alignBatch } from "./families.ts";
import type { Combiner } from "./kernel.ts";
import { equal, greaterEqual, less, logicalAnd, where } from "./logic.ts";
import { broadcastTo, expandDims, flatten, moveAxis, reshape } from "./movement.ts";
import type { Primitive } from "./primitive.ts";
import { throughFloat32 } from "./rounded_once.ts";
import { broadcastShapes, normalizeAxis, sameShape, type Shape, sizeOf, typeString } from "./shape.ts";
import { type Device, Tensor, type TensorLike } from "./tensor.ts";

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
  const hits = cast(equal(u, gather(y, indices)), wideOf(u.dtype));
  const ties = gather(scatter(indices, hits, y.shape[2]!, "sum"), indices);
  return cast(where(equal(hits, 0), hits, div(hits, ties)), u.dtype);
}

export function gather(x: Tensor, indices: Tensor): Tensor {
  return bind1(gatherP, [x, indices], null);
}

export function scatter(indices: Tensor, updates: Tensor, size: number, combiner: Combiner): Tensor {
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
function positions(op: string, indices: Indices, n: number, device: Device): Tensor {
  const at = inRange(op, indices, n, device, -n);
  return indices instanceof Tensor ? fromStart(at, n) : at;
}

/** A tensor of indices as int32, negative ones counted from the end of `n`. */
export function fromStart(indices: Tensor, n: number | Tensor): Tensor {
  return indices.dtype === "uint32" ? cast(indices, "int32") : where(less(indices, 0), add(indices, n), indices);
}

/**
 * Indices as a tensor, numbers on the given device. They are checked at once, from `low` to below `n`; inside a tensor any
 * may be out of range.
 */
export function inRange(op: string, indices: Indices, n: number, device: Device, low = 0): Tensor {
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
  return literal(new Int32Array(list.map((i) => (i < 0 ? i + n : i))), { shape }, device);
}

/** The part of a shape before and after an axis, as two sizes. */
export function around(shape: Shape, axis: number): [before: number, after: number] {
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
  const given = toTensor("take", x, [indices]);
  checkOptions("take", options, ["axis"]);
  const t = options.axis === undefined ? flatten(given) : given;
  const axis = normalizeAxis("take", options.axis, t.ndim, 0);
  const at = positions("take", indices, t.shape[axis]!, t.device);
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
  const given = toTensor(op, x, [indices]);
  checkOptions(op, options, ["axis"]);
  const t = options.axis === undefined ? flatten(given) : given;
  const axis = normalizeAxis(op, options.axis, t.ndim, 0);
  const at = positions(op, indices, t.shape[axis]!, t.device);
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

/** Values that can be written into a tensor: numbers adopt its dtype, tensors must not have a higher one. */
export function fitting(op: string, t: Tensor, values: TensorLike): Tensor {
  const v = promoted(op, [t, values])[1]!;
  if (v.dtype === t.dtype) return v;
  throw new TypeError(`${op}() cannot write ${typeString(v.type)} into ${typeString(t.type)}: cast() one of them`);
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
  const t = toTensor(op, x, [indices, values]);
  checkOptions(op, options, ["axis"]);
  const axis = normalizeAxis(op, options.axis, t.ndim, 0);
  const n = t.shape[axis]!;
  const at = positions(op, indices, n, t.device);
  const v = fitting(op, t, values);
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
  const order = reshape(iota([at.size], 0, t.device), [1, 1, at.size, 1]);
  const last = scatter(at, order, canonical.shape[2]!, "max");
  const written = greaterEqual(last, 0);
  const chosen = gather(u, reshape(maximum(last, 0), [1, canonical.shape[2]!]));
  return reshape(where(written, chosen, canonical), t.shape);
}

/**
 * x with values added at the given positions along an axis (0 by default): `f32[5,3], i32[2], f32[2,3] → f32[5,3]`.
 *
 * The values broadcast to the shape {@linkcode take} would give. Where a position repeats, all its values are added;
 * float16 in float32, rounded once.
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
  const added = throughFloat32([canonical, u], (x, u) => add(x!, scatter(at, u!, canonical.shape[2]!, "sum")));
  return reshape(added, t.shape);
}
