/** Operations that show the same elements otherwise: views of the same storage wherever that is possible. */

import { checkOptions, toTensor } from "./arguments.ts";
import { bind1 } from "./bind.ts";
import { describe, ShapeError } from "./errors.ts";
import { linear } from "./families.ts";
import { placeP } from "./joining.ts";
import type { Primitive } from "./primitive.ts";
import { sum } from "./reduction.ts";
import {
  checkShape,
  dropAxes,
  normalizeAxes,
  normalizeAxis,
  reshapeView,
  sameShape,
  type Shape,
  sizeOf,
  typeString,
} from "./shape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/** Operand axis i becomes result axis `axes[i]`; sizes 1 are stretched, other result axes are new. */
const broadcastP = linear<{ readonly shape: Shape; readonly axes: readonly number[] }>({
  name: "broadcast",
  shape: (_, { shape }) => shape,
  kernel: (_, { shape, axes }) => ({
    kind: "view",
    apply(s) {
      const strides = new Array<number>(shape.length).fill(0);
      axes.forEach((axis, i) => strides[axis] = s.shape[i] === shape[axis] ? s.strides[i]! : 0);
      return { shape, strides, offset: s.offset };
    },
  }),
  transpose(g, { shape, axes }, x) {
    const added = shape.map((_, i) => i).filter((i) => {
      const from = axes.indexOf(i);
      return from < 0 || x.shape[from] !== shape[i];
    });
    return reshape(sum(g, { axis: added }), x.shape);
  },
  batch: ({ shape, axes }, size) => ({ shape: [size, ...shape], axes: [0, ...axes.map((a) => a + 1)] }),
});

const reshapeP = linear<{ readonly shape: Shape }>({
  name: "reshape",
  shape: (_, { shape }) => shape,
  kernel: (_, { shape }) => ({ kind: "view", apply: (s) => reshapeView(s, shape) }),
  transpose: (g, _, x) => reshape(g, x.shape),
  batch: ({ shape }, size) => ({ shape: [size, ...shape] }),
});

const transposeP = linear<{ readonly perm: readonly number[] }>({
  name: "transpose",
  shape: (x, { perm }) => perm.map((i) => x.shape[i]!),
  kernel: (_, { perm }) => ({
    kind: "view",
    apply: (s) => ({
      shape: perm.map((i) => s.shape[i]!),
      strides: perm.map((i) => s.strides[i]!),
      offset: s.offset,
    }),
  }),
  transpose: (g, { perm }) => transpose(g, perm.map((_, i) => perm.indexOf(i))),
  batch: ({ perm }) => ({ perm: [0, ...perm.map((i) => i + 1)] }),
});

const flipP = linear<{ readonly axes: readonly number[] }>({
  name: "flip",
  shape: (x) => x.shape,
  kernel: (_, { axes }) => ({
    kind: "view",
    apply(s) {
      const strides = s.strides.map((step, i) => (axes.includes(i) ? -step : step));
      const offset = axes.reduce((o, i) => o + Math.max(0, s.shape[i]! - 1) * s.strides[i]!, s.offset);
      return { shape: s.shape, strides, offset };
    },
  }),
  transpose: (g, { axes }) => flip(g, { axis: axes }),
  batch: ({ axes }) => ({ axes: axes.map((i) => i + 1) }),
});

interface SliceParams {
  readonly start: Shape;
  readonly shape: Shape;
  readonly step: Shape;
}

/** `shape[i]` elements from `start[i]` on, every `step[i]`-th; steps are positive. */
export const sliceP: Primitive<SliceParams> = linear<SliceParams>({
  name: "slice",
  shape: (_, { shape }) => shape,
  kernel: (_, { start, shape, step }) => ({
    kind: "view",
    apply: (s) => ({
      shape,
      strides: s.strides.map((stride, i) => stride * step[i]!),
      offset: start.reduce((o, n, i) => o + n * s.strides[i]!, s.offset),
    }),
  }),
  transpose: (g, { start, step }, x) => bind1(placeP, [g], { shape: x.shape, fill: 0, at: [{ start, step }] }),
  batch: ({ start, shape, step }, size) => ({ start: [0, ...start], shape: [size, ...shape], step: [1, ...step] }),
});

/** A shape given by a caller, in which one −1 stands for what is left. */
function resolveShape(x: Tensor, shape: Shape): Shape {
  if (!Array.isArray(shape)) {
    throw new TypeError(`reshape() takes a shape as an array of sizes, got ${describe(shape)}`);
  }
  const known = shape.filter((n) => n !== -1);
  checkShape("reshape", known);
  const rest = sizeOf(known);
  if (known.length === shape.length && rest === x.size) return [...shape];
  const free = x.size / rest;
  if (known.length !== shape.length - 1 || !Number.isInteger(free)) {
    const rule = known.length < shape.length - 1
      ? "only one size may be −1"
      : x.size === 0 && rest === 0
      ? "beside 0 the size −1 could be any"
      : `it has ${x.size} elements`;
    throw new ShapeError(`reshape() cannot arrange ${typeString(x.type)} as [${shape}]: ${rule}`);
  }
  return shape.map((n) => (n === -1 ? free : n));
}

/**
 * The same elements in row-major order under another shape: `f32[2,3] → f32[3,2]`. One size may be −1: what is left.
 *
 * @throws {ShapeError} If the shape does not hold as many elements, or more than one size is −1.
 *
 * @example Usage
 * ```ts
 * import { reshape, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(reshape(tensor([1, 2, 3, 4, 5, 6]), [2, -1]).arraySync(), [[1, 2, 3], [4, 5, 6]]);
 * ```
 */
export function reshape(x: TensorLike, shape: Shape): Tensor {
  const t = toTensor("reshape", x);
  const target = resolveShape(t, shape);
  return sameShape(t.shape, target) ? t : bind1(reshapeP, [t], { shape: target });
}

/**
 * All elements in row-major order as one vector: `f32[2,3] → f32[6]`; a scalar becomes a vector of one.
 *
 * @example Usage
 * ```ts
 * import { flatten, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(flatten(tensor([[1, 2], [3, 4]])).arraySync(), [1, 2, 3, 4]);
 * ```
 */
export function flatten(x: TensorLike): Tensor {
  const t = toTensor("flatten", x);
  return reshape(t, [t.size]);
}

/**
 * The axes in another order: axis i of the result is axis `perm[i]` of x, `f32[2,3,4] → f32[4,3,2]` by default, which
 * reverses them. Axes may be negative.
 *
 * @throws {ShapeError} If perm does not name every axis once.
 *
 * @example Usage
 * ```ts
 * import { tensor, transpose, zeros } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(transpose(tensor([[1, 2], [3, 4]])).arraySync(), [[1, 3], [2, 4]]);
 * assertEquals(transpose(zeros([2, 3, 4]), [0, 2, 1]).shape, [2, 4, 3]);
 * ```
 */
export function transpose(x: TensorLike, perm?: readonly number[]): Tensor {
  const t = toTensor("transpose", x);
  if (perm !== undefined && !Array.isArray(perm)) {
    throw new TypeError(`transpose() takes a permutation as an array of axes, got ${describe(perm)}`);
  }
  const axes = perm === undefined
    ? t.shape.map((_, i) => t.ndim - 1 - i)
    : perm.map((a) => normalizeAxis("transpose", a, t.ndim));
  if (axes.length !== t.ndim || new Set(axes).size !== t.ndim) {
    throw new ShapeError(`transpose() cannot permute ${typeString(t.type)} by [${perm}]: every axis must appear once`);
  }
  return axes.every((a, i) => a === i) ? t : bind1(transposeP, [t], { perm: axes });
}

/**
 * Two axes exchanged: `f32[2,3,4] → f32[4,3,2]` for axes 0 and 2. Axes may be negative.
 *
 * @example Usage
 * ```ts
 * import { swapAxes, zeros } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(swapAxes(zeros([2, 3, 4]), 0, -1).shape, [4, 3, 2]);
 * ```
 */
export function swapAxes(x: TensorLike, a: number, b: number): Tensor {
  const t = toTensor("swapAxes", x);
  const perm = t.shape.map((_, i) => i);
  const [i, j] = [normalizeAxis("swapAxes", a, t.ndim), normalizeAxis("swapAxes", b, t.ndim)];
  perm[i] = j;
  perm[j] = i;
  return transpose(t, perm);
}

/**
 * Axes moved to other places, the remaining ones in their order: `f32[2,3,4] → f32[3,4,2]` from 0 to 2. Both are axes
 * or arrays of as many; they may be negative.
 *
 * @throws {ShapeError} If the numbers of axes differ, or an axis repeats.
 *
 * @example Usage
 * ```ts
 * import { moveAxis, zeros } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(moveAxis(zeros([2, 3, 4]), 0, -1).shape, [3, 4, 2]);
 * ```
 */
export function moveAxis(x: TensorLike, from: number | readonly number[], to: number | readonly number[]): Tensor {
  const t = toTensor("moveAxis", x);
  const list = (axes: number | readonly number[]): number[] =>
    axisList("moveAxis", axes).map((a) => normalizeAxis("moveAxis", a, t.ndim));
  const [sources, targets] = [list(from), list(to)];
  if (
    sources.length !== targets.length || new Set(sources).size !== sources.length ||
    new Set(targets).size !== targets.length
  ) {
    throw new ShapeError(`moveAxis() cannot move axes [${from}] to [${to}]: both must name as many different axes`);
  }
  const rest = t.shape.map((_, i) => i).filter((i) => !sources.includes(i));
  const perm = t.shape.map((_, i) => {
    const k = targets.indexOf(i);
    return k >= 0 ? sources[k]! : rest.shift()!;
  });
  return transpose(t, perm);
}

/**
 * x repeated along new leading axes and along axes of size 1: `f32[3] → f32[2,3]`, without copying.
 *
 * @throws {ShapeError} If, aligned at the last axis, a size of x is neither 1 nor that of the shape.
 *
 * @example Usage
 * ```ts
 * import { broadcastTo, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(broadcastTo(tensor([1, 2, 3]), [2, 3]).arraySync(), [[1, 2, 3], [1, 2, 3]]);
 * ```
 */
export function broadcastTo(x: TensorLike, shape: Shape): Tensor {
  const t = toTensor("broadcastTo", x);
  checkShape("broadcastTo", shape);
  const lead = shape.length - t.ndim;
  if (lead < 0 || t.shape.some((n, i) => n !== 1 && n !== shape[lead + i])) {
    throw new ShapeError(
      `broadcastTo() cannot stretch ${
        typeString(t.type)
      } to [${shape}]: sizes, aligned at the last axis, must be equal or 1`,
    );
  }
  return sameShape(t.shape, shape)
    ? t
    : bind1(broadcastP, [t], { shape: [...shape], axes: t.shape.map((_, i) => lead + i) });
}

/**
 * x with new axes of size 1 at the given places of the result: `f32[3] → f32[3,1]` for axis 1 or −1.
 *
 * @example Usage
 * ```ts
 * import { expandDims, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(expandDims(tensor([1, 2, 3]), -1).shape, [3, 1]);
 * assertEquals(expandDims(tensor([1, 2, 3]), [0, 2]).shape, [1, 3, 1]);
 * ```
 */
export function expandDims(x: TensorLike, axis: number | readonly number[]): Tensor {
  const t = toTensor("expandDims", x);
  const added = axisList("expandDims", axis);
  const ndim = t.ndim + added.length;
  const axes = normalizeAxes("expandDims", added, ndim);
  const rest = [...t.shape];
  return reshape(t, Array.from({ length: ndim }, (_, i) => (axes.includes(i) ? 1 : rest.shift()!)));
}

/**
 * x without axes of size 1: all of them, or those given. `f32[1,3,1] → f32[3]`.
 *
 * @throws {ShapeError} If a given axis has another size.
 *
 * @example Usage
 * ```ts
 * import { squeeze, zeros } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(squeeze(zeros([1, 3, 1])).shape, [3]);
 * assertEquals(squeeze(zeros([1, 3, 1]), { axis: 0 }).shape, [3, 1]);
 * ```
 */
export function squeeze(
  x: TensorLike,
  options: { readonly axis?: number | readonly number[] | undefined } = {},
): Tensor {
  const t = toTensor("squeeze", x);
  checkOptions("squeeze", options, ["axis"]);
  const axes = options.axis === undefined
    ? t.shape.flatMap((n, i) => (n === 1 ? [i] : []))
    : normalizeAxes("squeeze", options.axis, t.ndim);
  const wide = axes.find((i) => t.shape[i] !== 1);
  if (wide !== undefined) {
    throw new ShapeError(`squeeze() cannot drop axis ${wide} of ${typeString(t.type)}: its size is not 1`);
  }
  return reshape(t, dropAxes(t.shape, axes));
}

/** One axis or several, as an array. */
export function axisList(op: string, axis: number | readonly number[]): readonly number[] {
  if (typeof axis === "number") return [axis];
  if (Array.isArray(axis)) return axis;
  throw new TypeError(`${op}() takes an axis that is an integer or an array of integers, got ${describe(axis)}`);
}

/** The bounds of {@linkcode slice}: one entry per axis from the first on; null and missing entries take everything. */
export interface SliceOptions {
  /** The first position of each axis. */
  readonly start?: readonly (number | null)[] | undefined;
  /** The position of each axis to stop before. */
  readonly stop?: readonly (number | null)[] | undefined;
  /** The distance between positions, not 0; 1 by default. */
  readonly step?: readonly (number | null)[] | undefined;
}

/**
 * Every step-th element from start up to but not including stop, along each axis: `f32[4,3] → f32[2,3]`.
 *
 * The bounds are those of Python: negative positions count from the end, positions beyond it are moved to it, and a
 * negative step goes backward, by default from the last element through the first.
 *
 * @throws {ShapeError} If there are more entries than axes.
 * @throws {RangeError} If a step is 0.
 *
 * @example Usage
 * ```ts
 * import { arange, slice, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]]);
 * assertEquals(slice(x, { start: [1, 0], stop: [null, 2] }).arraySync(), [[4, 5], [7, 8]]);
 * assertEquals(slice(arange(5), { step: [-2] }).arraySync(), [4, 2, 0]);
 * ```
 */
export function slice(x: TensorLike, options: SliceOptions): Tensor {
  const t = toTensor("slice", x);
  checkOptions("slice", options, ["start", "stop", "step"]);
  for (const [name, list] of Object.entries(options)) {
    if (list !== undefined && !Array.isArray(list)) {
      throw new TypeError(`slice() takes ${name} as an array with an entry for each axis, got ${describe(list)}`);
    }
    if (list !== undefined && list.length > t.ndim) {
      throw new ShapeError(`slice() cannot use ${list.length} entries of ${name} on ${typeString(t.type)}`);
    }
  }
  const bounds = t.shape.map((n, i) => {
    const step = options.step?.[i] ?? 1;
    if (!Number.isInteger(step) || step === 0) throw new RangeError(`slice() cannot go in steps of ${step}`);
    const [low, high] = step > 0 ? [0, n] : [-1, n - 1];
    const resolve = (at: number | null | undefined, fallback: number): number => {
      if (at === null || at === undefined) return fallback;
      if (!Number.isInteger(at)) throw new TypeError(`slice() takes integer positions, got ${describe(at)}`);
      return Math.min(high, Math.max(low, at < 0 ? at + n : at));
    };
    const start = resolve(options.start?.[i], step > 0 ? low : high);
    const stop = resolve(options.stop?.[i], step > 0 ? high : low);
    return { start, size: Math.max(0, Math.ceil((stop - start) / step)), step };
  });
  if (bounds.every(({ size, step }, i) => size === t.shape[i] && step === 1)) return t;
  const backward = bounds.flatMap(({ step }, i) => (step < 0 ? [i] : []));
  const forward = backward.length === 0 ? t : bind1(flipP, [t], { axes: backward });
  return bind1(sliceP, [forward], {
    start: bounds.map(({ start, step }, i) => (step < 0 ? t.shape[i]! - 1 - start : start)),
    shape: bounds.map(({ size }) => size),
    step: bounds.map(({ step }) => Math.abs(step)),
  });
}

/**
 * x in reverse order along the given axes, or along all: `f32[n] → f32[n]`.
 *
 * @example Usage
 * ```ts
 * import { flip, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(flip(tensor([[1, 2], [3, 4]])).arraySync(), [[4, 3], [2, 1]]);
 * assertEquals(flip(tensor([[1, 2], [3, 4]]), { axis: 0 }).arraySync(), [[3, 4], [1, 2]]);
 * ```
 */
export function flip(x: TensorLike, options: { readonly axis?: number | readonly number[] | undefined } = {}): Tensor {
  const t = toTensor("flip", x);
  checkOptions("flip", options, ["axis"]);
  const axes = normalizeAxes("flip", options.axis, t.ndim);
  return axes.length === 0 ? t : bind1(flipP, [t], { axes });
}
