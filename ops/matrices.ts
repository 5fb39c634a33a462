/** Matrices of a given form: identities, triangles, diagonals, one-hot rows, grids. */

import { checkOptions, toTensor } from "./arguments.ts";
import { add, mul } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { type DTypeOption, dtypeOr, iota, zerosLike } from "./create.ts";
import { currentDevice, placeBeside } from "./devices.ts";
import type { DType } from "./dtype.ts";
import { describe, ShapeError } from "./errors.ts";
import { type Indices, inRange, takeAlongAxis } from "./indexing.ts";
import { equal, greaterEqual, lessEqual, where } from "./logic.ts";
import { broadcastTo, expandDims, reshape, slice } from "./movement.ts";
import { checkCount, checkShape, type Shape, typeString } from "./shape.ts";
import { type Device, Tensor, type TensorLike } from "./tensor.ts";

/**
 * The matrix with ones on its diagonal and zeros elsewhere: `→ f32[n,m]`. It is square unless m is given.
 *
 * @example Usage
 * ```ts
 * import { eye } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(eye(2, 3).arraySync(), [[1, 0, 0], [0, 1, 0]]);
 * ```
 */
export function eye(n: number, options?: DTypeOption): Tensor;
/** As above, with m columns. */
export function eye(n: number, m?: number, options?: DTypeOption): Tensor;
export function eye(n: number, second: number | DTypeOption = n, third: DTypeOption = {}): Tensor {
  const [m, options] = typeof second === "number" ? [second, third] : [n, second];
  checkShape("eye", [n, m]);
  return identity([n, m], dtypeOr("eye", options, "float32"), currentDevice());
}

/** Ones on the diagonal, on a device. */
export function identity(shape: Shape, dtype: DType, device: Device): Tensor {
  return cast(equal(iota(shape, 0, device), iota(shape, 1, device)), dtype);
}

/**
 * The lower triangle, with zeros above it: `f32[…,n,m] → f32[…,n,m]`. Diagonal k is the last that is kept: 0 the main
 * one, 1 the one above it.
 *
 * @throws {ShapeError} If x has fewer than two axes.
 *
 * @example Usage
 * ```ts
 * import { ones, tril } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(tril(ones([2, 3])).arraySync(), [[1, 0, 0], [1, 1, 0]]);
 * ```
 */
export function tril(x: TensorLike, options: { readonly k?: number | undefined } = {}): Tensor {
  const { t, right, k } = band("tril", x, options);
  return where(lessEqual(right, k), t, zerosLike(t));
}

/**
 * The upper triangle, with zeros below it: `f32[…,n,m] → f32[…,n,m]`. Diagonal k is the first that is kept: 0 the main
 * one, 1 the one above it.
 *
 * @throws {ShapeError} If x has fewer than two axes.
 *
 * @example Usage
 * ```ts
 * import { ones, triu } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(triu(ones([2, 3])).arraySync(), [[1, 1, 1], [0, 1, 1]]);
 * assertEquals(triu(ones([2, 3]), { k: 1 }).arraySync(), [[0, 1, 1], [0, 0, 1]]);
 * ```
 */
export function triu(x: TensorLike, options: { readonly k?: number | undefined } = {}): Tensor {
  const { t, right, k } = band("triu", x, options);
  return where(greaterEqual(right, k), t, zerosLike(t));
}

/** A matrix, how far right of the diagonal each of its cells lies, and how far right the boundary is. */
function band(
  op: string,
  x: TensorLike,
  options: { readonly k?: number | undefined },
): { t: Tensor; right: Tensor; k: number } {
  const t = toTensor(op, x);
  checkOptions(op, options, ["k"]);
  const { k = 0 } = options;
  if (!Number.isInteger(k)) throw new TypeError(`${op}() takes a diagonal k that is an integer, got ${describe(k)}`);
  if (t.ndim < 2) throw new ShapeError(`${op}() needs a matrix, got ${typeString(t.type)}`);
  const shape = t.shape.slice(-2);
  return { t, right: add(iota(shape, 1, t.device), mul(iota(shape, 0, t.device), -1)), k };
}

/**
 * The square matrix with a vector on its diagonal, or the diagonal of a matrix: `f32[n] → f32[n,n]`, `f32[n,m] →
 * f32[min(n,m)]`.
 *
 * @throws {ShapeError} If x is neither a vector nor a matrix.
 *
 * @example Usage
 * ```ts
 * import { diag, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(diag(tensor([1, 2])).arraySync(), [[1, 0], [0, 2]]);
 * assertEquals(diag(tensor([[1, 2], [3, 4], [5, 6]])).arraySync(), [1, 4]);
 * ```
 */
export function diag(x: TensorLike): Tensor {
  const t = toTensor("diag", x);
  if (t.ndim === 1) {
    const n = t.shape[0]!;
    return where(identity([n, n], "bool", t.device), expandDims(t, 0), zerosLike(t));
  }
  if (t.ndim !== 2) throw new ShapeError(`diag() needs a vector or a matrix, got ${typeString(t.type)}`);
  const n = Math.min(...t.shape);
  return reshape(takeAlongAxis(slice(t, { stop: [n] }), iota([n, 1], 0, t.device), { axis: 1 }), [n]);
}

/**
 * For each index a row that is 1 at its position and 0 elsewhere: `i32[n] → f32[n,depth]`, float32 unless another
 * dtype is given. Indices have any shape; the new axis is the last. In a tensor, an index out of range gives a row of
 * zeros.
 *
 * @throws {TypeError} If the indices are no integers.
 * @throws {RangeError} If a number among the indices is out of range.
 *
 * @example Usage
 * ```ts
 * import { oneHot, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const labels = tensor([2, 0], { dtype: "int32" });
 * assertEquals(oneHot(labels, 3).arraySync(), [[0, 0, 1], [1, 0, 0]]);
 * ```
 */
export function oneHot(indices: Indices, depth: number, options: DTypeOption = {}): Tensor {
  checkCount("oneHot", "depth", depth);
  const t = inRange("oneHot", indices, depth, placeBeside([indices]));
  const classes = cast(iota([depth], 0, t.device), t.dtype);
  return cast(equal(expandDims(t, -1), classes), dtypeOr("oneHot", options, "float32"));
}

/**
 * The coordinates of a grid, one tensor for each vector: `f32[n], f32[m] → [f32[m,n], f32[m,n]]`. With `indexing:
 * "ij"` the axes have the order of the vectors, `[n,m]`; by default, "xy", the first two are swapped, as for images.
 *
 * @example Usage
 * ```ts
 * import { meshgrid, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const [x, y] = meshgrid([tensor([1, 2, 3]), tensor([10, 20])]);
 * assertEquals(x!.arraySync(), [[1, 2, 3], [1, 2, 3]]);
 * assertEquals(y!.arraySync(), [[10, 10, 10], [20, 20, 20]]);
 * ```
 */
export function meshgrid(
  xs: readonly Tensor[],
  options: { readonly indexing?: "xy" | "ij" | undefined } = {},
): Tensor[] {
  if (!Array.isArray(xs)) throw new TypeError(`meshgrid() takes an array of vectors, got ${describe(xs)}`);
  for (const x of xs) {
    if (!(x instanceof Tensor)) throw new TypeError(`meshgrid() takes vectors, got ${describe(x)}`);
    if (x.ndim !== 1) throw new ShapeError(`meshgrid() takes vectors, got ${typeString(x.type)}`);
  }
  checkOptions("meshgrid", options, ["indexing"]);
  const { indexing = "xy" } = options;
  if (indexing !== "xy" && indexing !== "ij") {
    throw new TypeError(`meshgrid() takes indexing "xy" or "ij", got ${describe(indexing)}`);
  }
  const order = xs.map((_, i) => i);
  if (indexing === "xy" && xs.length > 1) order.splice(0, 2, 1, 0);
  const shape = order.map((i) => xs[i]!.size);
  return xs.map((x, i) => {
    const axis = order.indexOf(i);
    return broadcastTo(reshape(x, shape.map((n, k) => (k === axis ? n : 1))), shape);
  });
}
