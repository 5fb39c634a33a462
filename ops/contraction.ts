/** Matrix products and their relatives. */

import { promoted } from "./arguments.ts";
import { bind1 } from "./bind.ts";
import { mul } from "./arithmetic.ts";
import { describe, ShapeError } from "./errors.ts";
import { alignBatch } from "./families.ts";
import { broadcastTo, flatten, reshape, swapAxes, transpose } from "./movement.ts";
import type { Primitive } from "./primitive.ts";
import { broadcastShapes, normalizeAxis, type Shape, sizeOf, typeString } from "./shape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/** `[…batch, m, k] · […batch, k, n]` with equal batch axes. */
const matmulP: Primitive<null> = {
  name: "matmul",
  infer: ([a, b]) => [{ dtype: a!.dtype, shape: [...a!.shape.slice(0, -1), b!.shape.at(-1)!] }],
  kernel: () => ({ kind: "matmul" }),
  derivative: {
    kind: "bilinear",
    transpose: [
      (g, b) => bind1(matmulP, [g, swapAxes(b, -1, -2)], null),
      (g, a) => bind1(matmulP, [swapAxes(a, -1, -2), g], null),
    ],
  },
  batch([a, b], [many, manyB], _, size) {
    // One right-hand side for the whole batch: one taller product.
    if (many && !manyB && b!.ndim === 2) {
      const [v, m, k] = a!.shape;
      return [reshape(bind1(matmulP, [reshape(a!, [v! * m!, k!]), b!], null), [v!, m!, b!.shape[1]!])];
    }
    return [bind1(matmulP, alignBatch([a!, b!], [many!, manyB!], size), null)];
  },
};

/** Two operands of numbers, of one dtype. */
function factors(op: string, a: TensorLike, b: TensorLike): [Tensor, Tensor] {
  const [s, t] = promoted(op, [a, b]) as [Tensor, Tensor];
  if (s.dtype === "bool") {
    throw new TypeError(
      `${op}() cannot multiply ${typeString(s.type)} by ${typeString(t.type)}: cast them to a number type`,
    );
  }
  return [s, t];
}

/**
 * The product of matrices, Σ_k a[…,m,k] · b[…,k,n]: `f32[…,m,k], f32[…,k,n] → f32[…,m,n]`. Leading axes are a batch
 * and broadcast. A vector is a row on the left and a column on the right, and that axis is dropped from the result.
 * Dtypes promote as in {@linkcode add}; products of float16 are added up in float32 and rounded once. Over an empty k the
 * result is 0.
 *
 * @throws {ShapeError} If an operand is a scalar, the inner sizes differ, or the batch does not broadcast.
 * @throws {TypeError} If both operands are bool.
 *
 * @example Usage
 * ```ts
 * import { matmul, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const a = tensor([[1, 2], [3, 4]]);
 * assertEquals(matmul(a, tensor([[5, 6], [7, 8]])).arraySync(), [[19, 22], [43, 50]]);
 * assertEquals(matmul(a, tensor([1, 1])).arraySync(), [3, 7]);
 * ```
 */
export function matmul(a: TensorLike, b: TensorLike): Tensor {
  const [s, t] = factors("matmul", a, b);
  if (s.ndim === 0 || t.ndim === 0) {
    throw new ShapeError(
      `matmul() cannot multiply ${typeString(s.type)} by ${typeString(t.type)}: use mul() for scalars`,
    );
  }
  const left = s.ndim === 1 ? reshape(s, [1, s.size]) : s;
  const right = t.ndim === 1 ? reshape(t, [t.size, 1]) : t;
  const [k, inner] = [left.shape.at(-1)!, right.shape.at(-2)!];
  const batch = broadcastShapes(left.shape.slice(0, -2), right.shape.slice(0, -2));
  if (k !== inner || batch === null) {
    const rule = k !== inner ? `inner sizes ${k} and ${inner} must be equal` : "batch sizes must be equal or 1";
    throw new ShapeError(`matmul() cannot multiply ${typeString(s.type)} by ${typeString(t.type)}: ${rule}`);
  }
  const [m, n] = [left.shape.at(-2)!, right.shape.at(-1)!];
  const y = right.ndim === 2
    ? bind1(matmulP, [reshape(left, [sizeOf(left.shape.slice(0, -1)), k]), right], null)
    : bind1(matmulP, [broadcastTo(left, [...batch, m, k]), broadcastTo(right, [...batch, k, n])], null);
  return reshape(y, [...batch, ...(s.ndim === 1 ? [] : [m]), ...(t.ndim === 1 ? [] : [n])]);
}

/**
 * The sum of products over the last axis of a and the last but one of b (the only one of a vector), as NumPy's dot:
 * `f32[k], f32[k] → f32[]`, `f32[m,k], f32[p,k,n] → f32[m,p,n]`. With a scalar it is {@linkcode mul}. Dtypes promote
 * as in {@linkcode add}.
 *
 * @throws {ShapeError} If the sizes differ.
 * @throws {TypeError} If both operands are bool.
 *
 * @example Usage
 * ```ts
 * import { dot, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(dot(tensor([1, 2, 3]), tensor([4, 5, 6])).item(), 32);
 * ```
 */
export function dot(a: TensorLike, b: TensorLike): Tensor {
  const [s, t] = factors("dot", a, b);
  if (s.ndim === 0 || t.ndim === 0) return mul(s, t);
  return contract("dot", s, t, [s.ndim - 1], [Math.max(0, t.ndim - 2)]);
}

/**
 * The sum of products over the last axes of both; the remaining axes of a come first, then those of b: `f32[k], f32[k]
 * → f32[]`, `f32[m,k], f32[n,k] → f32[m,n]`. With a scalar it is {@linkcode mul}. Dtypes promote as in {@linkcode add}.
 *
 * @throws {ShapeError} If the sizes differ.
 * @throws {TypeError} If both operands are bool.
 *
 * @example Usage
 * ```ts
 * import { inner, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(inner(tensor([[1, 2], [3, 4]]), tensor([5, 6])).arraySync(), [17, 39]);
 * ```
 */
export function inner(a: TensorLike, b: TensorLike): Tensor {
  const [s, t] = factors("inner", a, b);
  if (s.ndim === 0 || t.ndim === 0) return mul(s, t);
  return contract("inner", s, t, [s.ndim - 1], [t.ndim - 1]);
}

/**
 * The sum of products of all elements, each of a with that of b at its place in row-major order, as of two vectors:
 * `f32[m,n], f32[m,n] → f32[]`. The shapes may differ, the numbers of elements may not. Dtypes promote as in
 * {@linkcode add}.
 *
 * @throws {ShapeError} If the numbers of elements differ.
 * @throws {TypeError} If both operands are bool.
 *
 * @example Usage
 * ```ts
 * import { tensor, vdot } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(vdot(tensor([[1, 2], [3, 4]]), tensor([[5, 6], [7, 8]])).item(), 70);
 * ```
 */
export function vdot(a: TensorLike, b: TensorLike): Tensor {
  const [s, t] = factors("vdot", a, b);
  if (s.size !== t.size) {
    throw new ShapeError(
      `vdot() cannot multiply ${typeString(s.type)} by ${typeString(t.type)}: they must have equally many elements`,
    );
  }
  return contract("vdot", flatten(s), flatten(t), [0], [0]);
}

/**
 * All products of an element of a and one of b: `f32[m], f32[n] → f32[m,n]`. Operands of other ranks are flattened.
 * Dtypes promote as in {@linkcode add}.
 *
 * @throws {TypeError} If both operands are bool.
 *
 * @example Usage
 * ```ts
 * import { outer, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(outer(tensor([1, 2]), tensor([3, 4, 5])).arraySync(), [[3, 4, 5], [6, 8, 10]]);
 * ```
 */
export function outer(a: TensorLike, b: TensorLike): Tensor {
  const [s, t] = factors("outer", a, b);
  return mul(reshape(s, [s.size, 1]), reshape(t, [1, t.size]));
}

/**
 * The sum of products over pairs of axes; the remaining axes of a come first, then those of b. A number n pairs the
 * last n axes of a with the first n of b: `f32[2,3,4], f32[3,4,5] → f32[2,5]` for the default 2. Otherwise `[axesOfA,
 * axesOfB]` names them, each an axis or an array. Dtypes promote as in {@linkcode add}.
 *
 * @throws {ShapeError} If sizes of a pair differ, or an axis repeats.
 * @throws {TypeError} If both operands are bool.
 *
 * @example Usage
 * ```ts
 * import { tensor, tensordot, zeros } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const a = tensor([[1, 2], [3, 4]]);
 * assertEquals(tensordot(a, a, [0, 0]).arraySync(), [[10, 14], [14, 20]]);
 * assertEquals(tensordot(zeros([2, 3, 4]), zeros([3, 4, 5])).shape, [2, 5]);
 * ```
 */
export function tensordot(
  a: TensorLike,
  b: TensorLike,
  axes: number | readonly [number | readonly number[], number | readonly number[]] = 2,
): Tensor {
  const [s, t] = factors("tensordot", a, b);
  if (typeof axes === "number") {
    if (!Number.isInteger(axes) || axes < 0 || axes > Math.min(s.ndim, t.ndim)) {
      throw new ShapeError(
        `tensordot() cannot sum over ${axes} axes of ${typeString(s.type)} and ${typeString(t.type)}`,
      );
    }
    const first = Array.from({ length: axes }, (_, i) => i);
    return contract("tensordot", s, t, first.map((i) => s.ndim - axes + i), first);
  }
  const isList = (x: unknown): boolean => typeof x === "number" || Array.isArray(x);
  if (!Array.isArray(axes) || axes.length !== 2 || !axes.every(isList)) {
    throw new TypeError(`tensordot() takes a number of axes or a pair of axis lists, got ${describe(axes)}`);
  }
  const list = (x: number | readonly number[], ndim: number): number[] => {
    const places = (typeof x === "number" ? [x] : x).map((i) => normalizeAxis("tensordot", i, ndim));
    if (new Set(places).size < places.length) throw new ShapeError(`tensordot() cannot sum over [${x}]: axes repeat`);
    return places;
  };
  return contract("tensordot", s, t, list(axes[0]!, s.ndim), list(axes[1]!, t.ndim));
}

/** Sums the products over pairs of axes; what is left of `a` comes before what is left of `b`. */
function contract(op: string, a: Tensor, b: Tensor, axesA: readonly number[], axesB: readonly number[]): Tensor {
  const sizes = (t: Tensor, axes: readonly number[]): Shape => axes.map((i) => t.shape[i]!);
  if (axesA.length !== axesB.length || axesA.some((i, n) => a.shape[i] !== b.shape[axesB[n]!])) {
    throw new ShapeError(
      `${op}() cannot contract ${typeString(a.type)} with ${typeString(b.type)} over axes [${axesA}] and [${axesB}]: ` +
        `sizes [${sizes(a, axesA)}] and [${sizes(b, axesB)}] must be equal`,
    );
  }
  const freeA = a.shape.map((_, i) => i).filter((i) => !axesA.includes(i));
  const freeB = b.shape.map((_, i) => i).filter((i) => !axesB.includes(i));
  const k = sizeOf(sizes(a, axesA));
  const left = reshape(transpose(a, [...freeA, ...axesA]), [sizeOf(sizes(a, freeA)), k]);
  const right = reshape(transpose(b, [...axesB, ...freeB]), [k, sizeOf(sizes(b, freeB))]);
  return reshape(bind1(matmulP, [left, right], null), [...sizes(a, freeA), ...sizes(b, freeB)]);
}
