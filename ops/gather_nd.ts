/** Reading and adding at points that have a coordinate for each of several axes. */

import { toNumeric, toTensor } from "./arguments.ts";
import { mul } from "./arithmetic.ts";
import { describe, ShapeError } from "./errors.ts";
import { fromStart, gather, inRange, scatter } from "./indexing.ts";
import { literal, type NestedArray } from "./literal.ts";
import { greaterEqual, less, logicalAnd, where } from "./logic.ts";
import { broadcastTo, reshape } from "./movement.ts";
import { all, sum } from "./reduction.ts";
import { broadcastShapes, checkShape, contiguous, sameShape, type Shape, sizeOf, typeString } from "./shape.ts";
import { type Device, Tensor, type TensorLike } from "./tensor.ts";

/** Points on the leading axes of an array. */
interface Points {
  /** Row-major positions `[1, count]` among the leading axes; `size`, which is out of range, for what lies outside. */
  readonly at: Tensor;
  /** The number of elements of the leading axes together, and of those behind them. */
  readonly size: number;
  readonly after: number;
  /** The shape of a slice for each point. */
  readonly slot: Shape;
}

function pointsOf(op: string, indices: Tensor | NestedArray, shape: Shape, device: Device, what: string): Points {
  const given = indices instanceof Tensor ? inRange(op, indices, 0, device) : listed(op, indices, shape, device);
  const coordinates = given.shape.at(-1);
  if (coordinates === undefined || coordinates > shape.length) {
    throw new ShapeError(
      `${op}() cannot use indices ${typeString(given.type)} on ${what}: ` +
        `their last axis must hold one coordinate for each of at most ${shape.length} axes`,
    );
  }
  const leading = shape.slice(0, coordinates);
  const [sizes, strides] = [leading, contiguous(leading).strides].map((list) =>
    literal(new Int32Array(list), {}, device)
  );
  const at = fromStart(given, sizes!);
  const inside = all(logicalAnd(greaterEqual(at, 0), less(at, sizes!)), { axis: -1 });
  const position = sum(mul(at, strides!), { axis: -1 });
  return {
    at: reshape(where(inside, position, sizeOf(leading)), [1, position.size]),
    size: sizeOf(leading),
    after: sizeOf(shape.slice(coordinates)),
    slot: [...position.shape, ...shape.slice(coordinates)],
  };
}

/** Points written out as nested arrays, whose coordinates are checked at once. */
function listed(op: string, indices: NestedArray, shape: Shape, device: Device): Tensor {
  if (!Array.isArray(indices)) {
    throw new TypeError(`${op}() takes indices as an integer tensor or nested arrays, got ${describe(indices)}`);
  }
  const points = literal(indices, { dtype: "int32" }, device);
  const coordinates = points.shape.at(-1)!;
  (indices.flat(Infinity) as number[]).forEach((i, k) => {
    const axis = k % coordinates;
    const n = shape[axis];
    if (n !== undefined && (i < -n || i >= n)) {
      throw new RangeError(`${op}() cannot use coordinate ${i}: axis ${axis} has size ${n}`);
    }
  });
  return points;
}

/**
 * The slices of x at points on its leading axes: `f32[4,5,6], i32[7,2] → f32[7,6]`. The last axis of the indices holds
 * the coordinates of a point, as many as axes are indexed; the other axes of the result are those of the indices.
 *
 * Negative coordinates count from the end. A point in a tensor that is out of range on any axis reads NaN, 0 or false.
 *
 * @param indices An integer tensor, or nested arrays of whole numbers.
 * @throws {TypeError} If the indices are not of integers.
 * @throws {RangeError} If a coordinate in an array is out of range.
 * @throws {ShapeError} If a point has more coordinates than x has axes.
 *
 * @example Usage
 * ```ts
 * import { gatherNd, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([[1, 2], [3, 4], [5, 6]]);
 * assertEquals(gatherNd(x, [[0, 1], [-1, 0]]).arraySync(), [2, 5]);
 * assertEquals(gatherNd(x, tensor([[2], [0]], { dtype: "int32" })).arraySync(), [[5, 6], [1, 2]]);
 * ```
 */
export function gatherNd(x: TensorLike, indices: Tensor | NestedArray): Tensor {
  const t = toTensor("gatherNd", x, [indices]);
  const { at, size, after, slot } = pointsOf("gatherNd", indices, t.shape, t.device, typeString(t.type));
  return reshape(gather(reshape(t, [1, 1, size, after]), at), slot);
}

/**
 * Zeros of the given shape with updates added at points on its leading axes: `i32[7,2], f32[7,6] → f32[4,5,6]` for the
 * shape `[4, 5, 6]`. It is the transpose of {@linkcode gatherNd}: the updates broadcast to the shape that would give.
 *
 * Where a point repeats, all its updates are added, in their order; float16 in float32, rounded once. Negative
 * coordinates count from the end; an update for a point in a tensor that is out of range on any axis is dropped.
 *
 * @param indices An integer tensor, or nested arrays of whole numbers.
 * @throws {TypeError} If the updates are bool, or the indices not of integers.
 * @throws {RangeError} If a coordinate in an array is out of range.
 * @throws {ShapeError} If a point has more coordinates than the shape has axes, or the updates do not broadcast.
 *
 * @example Usage
 * ```ts
 * import { scatterNd, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const points = tensor([[0, 1], [2, 0], [0, 1], [9, 9]], { dtype: "int32" });
 * assertEquals(scatterNd(points, tensor([1, 2, 3, 4]), [3, 2]).arraySync(), [[0, 4], [0, 0], [2, 0]]);
 * ```
 */
export function scatterNd(indices: Tensor | NestedArray, updates: TensorLike, shape: Shape): Tensor {
  const u = toNumeric("scatterNd", updates, [indices]);
  checkShape("scatterNd", shape);
  const { at, size, after, slot } = pointsOf("scatterNd", indices, shape, u.device, `the shape [${shape}]`);
  const fitted = broadcastShapes(u.shape, slot);
  if (fitted === null || !sameShape(fitted, slot)) {
    throw new ShapeError(
      `scatterNd() cannot add ${typeString(u.type)} at ${at.size} points of the shape [${shape}]: ` +
        `the updates must broadcast to [${slot}]`,
    );
  }
  const rows = reshape(broadcastTo(u, slot), [1, 1, at.size, after]);
  return reshape(scatter(at, rows, size, "sum"), shape);
}
