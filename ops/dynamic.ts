/** Slices of a fixed size whose place is a value: it may be computed, batched and traced. */

import { toTensor } from "./arguments.ts";
import { add, maximum, minimum, mul, sub } from "./arithmetic.ts";
import { constantOf, iota } from "./create.ts";
import { derived } from "./derived.ts";
import { describe, ShapeError } from "./errors.ts";
import { fitting, fromStart, gather, inRange } from "./indexing.ts";
import { greaterEqual, less, logicalAnd, where } from "./logic.ts";
import { expandDims, reshape, slice } from "./movement.ts";
import { checkShape, type Shape, sizeOf, typeString } from "./shape.ts";
import { Tensor, type TensorLike } from "./tensor.ts";

/** Where a slice starts: an integer tensor with an entry for each axis, or a number or an integer scalar for each. */
export type Starts = Tensor | readonly (number | Tensor)[];

function startList(op: string, t: Tensor, starts: Starts): readonly (number | Tensor)[] {
  if (!(starts instanceof Tensor) && !Array.isArray(starts)) {
    throw new TypeError(
      `${op}() takes starts as an integer tensor or an array with an entry for each axis, got ${describe(starts)}`,
    );
  }
  const fits = starts instanceof Tensor ? starts.ndim === 1 && starts.size === t.ndim : starts.length === t.ndim;
  if (!fits) {
    const got = starts instanceof Tensor ? typeString(starts.type) : starts.length;
    throw new ShapeError(`${op}() needs a start for each of the ${t.ndim} axes of ${typeString(t.type)}, got ${got}`);
  }
  if (starts instanceof Tensor) {
    const all = inRange(op, starts, 0, t.device);
    return t.shape.map((_, axis) => reshape(slice(all, { start: [axis], stop: [axis + 1] }), []));
  }
  return starts.map((start) => {
    if (start instanceof Tensor) {
      if (start.ndim === 0) return inRange(op, start, 0, t.device);
      throw new ShapeError(`${op}() takes a scalar for the start on one axis, got ${typeString(start.type)}`);
    }
    if (Number.isInteger(start)) return start;
    throw new TypeError(`${op}() takes integer starts, got ${describe(start)}`);
  });
}

/** The start on one axis, moved so that the slice fits. */
function clampedNumber(start: number, n: number, size: number): number {
  return Math.min(n - size, Math.max(0, start < 0 ? start + n : start));
}

function clamped(start: Tensor, n: number, size: number): Tensor {
  // Minimum first: a large uint32 would wrap in int32.
  return minimum(maximum(fromStart(minimum(start, n - size), n), 0), n - size);
}

/** Starts that are all tensors, so that one program serves for all of them. */
function startTensors(list: readonly (number | Tensor)[], { shape, device }: Tensor, sizes: Shape): Tensor[] {
  return list.map((start, axis) =>
    start instanceof Tensor ? start : constantOf(clampedNumber(start, shape[axis]!, sizes[axis]!), "int32", [], device)
  );
}

/** The axes that a slice does not take whole, and all between them, taken as one: `[before, …axes, after]`. */
interface Cut {
  readonly axes: readonly number[];
  readonly before: number;
  readonly after: number;
}

function cutOf(shape: Shape, sizes: Shape): Cut {
  const isCut = (n: number, axis: number): boolean => n !== sizes[axis];
  const [first, last] = [shape.findIndex(isCut), shape.findLastIndex(isCut)];
  if (first < 0) return { axes: [], before: 1, after: sizeOf(shape) };
  return {
    axes: shape.map((_, axis) => axis).slice(first, last + 1),
    before: sizeOf(shape.slice(0, first)),
    after: sizeOf(shape.slice(last + 1)),
  };
}

/** Gathers the slice from its row-major positions on the axes of the cut. */
const sliceAt = derived("dynamicSlice", ([x, ...starts]: readonly Tensor[], sizes: Shape) => {
  const { shape, device } = x!;
  const { axes, before, after } = cutOf(shape, sizes);
  let at = constantOf(0, "int32", [], device);
  for (const axis of axes) {
    const [n, size] = [shape[axis]!, sizes[axis]!];
    at = add(mul(expandDims(at, -1), n), add(iota([size], 0, device), clamped(starts[axis]!, n, size)));
  }
  return reshape(
    gather(reshape(x!, [1, before, sizeOf(axes.map((axis) => shape[axis]!)), after]), reshape(at, [1, at.size])),
    sizes,
  );
});

/** Gathers from the update, for each position on the axes of the cut, what lies there, if anything does. */
const updateAt = derived("dynamicUpdateSlice", ([x, update, ...starts]: readonly Tensor[], sizes: Shape) => {
  const { shape, device } = x!;
  const { axes, before, after } = cutOf(shape, sizes);
  let at = constantOf(0, "int32", [], device);
  let inside = constantOf(1, "bool", [], device);
  for (const axis of axes) {
    const [n, size] = [shape[axis]!, sizes[axis]!];
    const offset = sub(iota([n], 0, device), clamped(starts[axis]!, n, size));
    at = add(mul(expandDims(at, -1), size), offset);
    inside = logicalAnd(expandDims(inside, -1), logicalAnd(greaterEqual(offset, 0), less(offset, size)));
  }
  const covering = gather(
    reshape(update!, [1, before, sizeOf(axes.map((axis) => sizes[axis]!)), after]),
    reshape(where(inside, at, -1), [1, at.size]),
  );
  const kept = reshape(x!, [1, before, at.size, after]);
  return reshape(where(reshape(inside, [1, 1, at.size, 1]), covering, kept), shape);
});

/** Throws unless a slice of these sizes fits into t. */
function checkFits(op: string, t: Tensor, sizes: Shape, what: string): void {
  if (sizes.length === t.ndim && sizes.every((size, axis) => size <= t.shape[axis]!)) return;
  throw new ShapeError(
    `${op}() cannot ${what} ${typeString(t.type)}: it needs a size for each axis, none larger than the axis`,
  );
}

/**
 * The slice of x with the given sizes that begins at `starts`: `f32[5,6], i32[2] → f32[2,3]` for the sizes `[2, 3]`.
 * The sizes are numbers; the starts may be computed, traced, and differ from example to example under `vmap`.
 *
 * Negative starts count from the end. Then starts are moved so that the whole slice lies inside x: nothing is ever out
 * of range. The definition is that of `jax.lax.dynamic_slice`.
 *
 * @throws {TypeError} If the starts are no integers.
 * @throws {ShapeError} If there is not one start and one size for each axis, or a size is larger than its axis.
 *
 * @example Usage
 * ```ts
 * import { arange, dynamicSlice, type Tensor, tensor, vmap } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = arange(6);
 * assertEquals(dynamicSlice(x, [2], [3]).arraySync(), [2, 3, 4]);
 * assertEquals(dynamicSlice(x, [9], [3]).arraySync(), [3, 4, 5]);
 * const windows = vmap((start: Tensor) => dynamicSlice(x, [start], [2]))(tensor([0, 3], { dtype: "int32" }));
 * assertEquals(windows.arraySync(), [[0, 1], [3, 4]]);
 * ```
 */
export function dynamicSlice(x: TensorLike, starts: Starts, sizes: Shape): Tensor {
  const t = toTensor("dynamicSlice", x);
  checkShape("dynamicSlice", sizes);
  checkFits("dynamicSlice", t, sizes, `take a slice of [${sizes}] from`);
  const list = startList("dynamicSlice", t, starts);
  if (!list.some((start) => start instanceof Tensor)) {
    const from = (list as readonly number[]).map((start, axis) => clampedNumber(start, t.shape[axis]!, sizes[axis]!));
    return slice(t, { start: from, stop: from.map((start, axis) => start + sizes[axis]!) });
  }
  return sliceAt([t, ...startTensors(list, t, sizes)], sizes);
}

/**
 * x with the slice that begins at `starts` replaced by `update`: `f32[5,6], f32[2,3], i32[2] → f32[5,6]`. The starts
 * may be computed, traced, and differ from example to example under `vmap`.
 *
 * Negative starts count from the end. Then starts are moved so that the whole update lies inside x. The derivative goes
 * to the update, and to the elements of x that were not overwritten. The definition is that of
 * `jax.lax.dynamic_update_slice`.
 *
 * @throws {TypeError} If the starts are no integers, or the update's dtype does not fit that of x.
 * @throws {ShapeError} If x, the update and the starts differ in rank, or the update is larger than x on an axis.
 *
 * @example Usage
 * ```ts
 * import { dynamicUpdateSlice, tensor, zeros } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(dynamicUpdateSlice(zeros([5]), tensor([1, 2]), [1]).arraySync(), [0, 1, 2, 0, 0]);
 * const start = tensor(7, { dtype: "int32" });
 * assertEquals(dynamicUpdateSlice(zeros([5]), tensor([1, 2]), [start]).arraySync(), [0, 0, 0, 1, 2]);
 * ```
 */
export function dynamicUpdateSlice(x: TensorLike, update: TensorLike, starts: Starts): Tensor {
  const op = "dynamicUpdateSlice";
  const t = toTensor(op, x);
  const u = fitting(op, t, update);
  checkFits(op, t, u.shape, `write ${typeString(u.type)} into`);
  return updateAt([t, u, ...startTensors(startList(op, t, starts), t, u.shape)], u.shape);
}
