/** Shapes, types and strided views: the arithmetic of axes, with no values in sight. */

import { type DType, shortName } from "./dtype.ts";
import { describe, ShapeError } from "./errors.ts";

/** Sizes of the axes, outermost first. */
export type Shape = readonly number[];

/** What is known of a tensor without its values. */
export interface TensorType {
  /** The type of the elements. */
  readonly dtype: DType;
  /** Sizes of the axes. */
  readonly shape: Shape;
}

/** Where the elements of a tensor lie in its storage: element offset and stride per axis, all counted in elements. */
export interface Strided {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
}

/** `f32[2,3]` */
export function typeString(type: TensorType): string {
  return `${shortName(type.dtype)}[${type.shape.join(",")}]`;
}

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function rowMajor(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

export function contiguous(shape: Shape, offset = 0): Strided {
  return { shape, strides: rowMajor(shape), offset };
}

/** Whether the elements, if any, lie one after another in row-major order. Strides of size-1 axes do not matter. */
export function isContiguous(s: Strided): boolean {
  let step = 1;
  let contiguous = true;
  for (let i = s.shape.length - 1; i >= 0; i--) {
    const n = s.shape[i]!;
    if (n === 0) return true;
    if (n !== 1 && s.strides[i] !== step) contiguous = false;
    step *= n;
  }
  return contiguous;
}

/** Throws unless `shape` is an array of non-negative integers. */
export function checkShape(op: string, shape: unknown): asserts shape is Shape {
  if (!Array.isArray(shape)) throw new TypeError(`${op}() takes a shape as an array of sizes, got ${describe(shape)}`);
  for (const n of shape) {
    if (typeof n !== "number") throw new TypeError(`${op}() takes sizes that are numbers, got ${describe(n)}`);
    if (!Number.isInteger(n) || n < 0) {
      throw new ShapeError(`${op}() cannot use the shape [${shape}]: sizes must be non-negative integers`);
    }
  }
  if (sizeOf(shape) > 2 ** 31 - 1) throw new ShapeError(`${op}() cannot make [${shape}]: more than 2^31 - 1 elements`);
}

/** Throws unless `n` is a non-negative integer; `name` is what the caller knows it by. */
export function checkCount(op: string, name: string, n: unknown): asserts n is number {
  const rule = `${op}() needs ${name} to be a non-negative integer, got ${typeof n === "number" ? n : describe(n)}`;
  if (typeof n !== "number") throw new TypeError(rule);
  if (!Number.isInteger(n) || n < 0) throw new RangeError(rule);
}

/** A possibly negative axis as a position in 0 … ndim − 1; `fallback` where none is given. */
export function normalizeAxis(op: string, given: number | undefined, ndim: number, fallback?: number): number {
  const axis = given === undefined ? fallback : given;
  if (typeof axis !== "number" || !Number.isInteger(axis)) {
    throw new TypeError(`${op}() takes an axis that is an integer, got ${describe(axis)}`);
  }
  if (axis < -ndim || axis >= ndim) {
    throw new ShapeError(
      ndim === 0
        ? `${op}() cannot use axis ${axis}: a tensor of rank 0 has no axes`
        : `${op}() cannot use axis ${axis} of a tensor of rank ${ndim}: axes go from ${-ndim} to ${ndim - 1}`,
    );
  }
  return axis < 0 ? axis + ndim : axis;
}

/** Axes sorted ascending; `undefined` means all of them. */
export function normalizeAxes(op: string, axis: number | readonly number[] | undefined, ndim: number): number[] {
  if (axis === undefined) return Array.from({ length: ndim }, (_, i) => i);
  if (typeof axis !== "number" && !Array.isArray(axis)) {
    throw new TypeError(`${op}() takes an axis that is an integer or an array of integers, got ${describe(axis)}`);
  }
  const axes = (typeof axis === "number" ? [axis] : [...axis]).map((a) => normalizeAxis(op, a, ndim));
  axes.sort((a, b) => a - b);
  for (let i = 1; i < axes.length; i++) {
    if (axes[i] === axes[i - 1]) throw new ShapeError(`${op}() cannot use axis ${axes[i]} twice`);
  }
  return axes;
}

/** The shape that two shapes broadcast to, or null. Aligned at the last axis, as NumPy does. */
export function broadcastShapes(a: Shape, b: Shape): Shape | null {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const m = a[a.length - rank + i] ?? 1;
    const n = b[b.length - rank + i] ?? 1;
    if (m !== n && m !== 1 && n !== 1) return null;
    out[i] = m === 1 ? n : m;
  }
  return out;
}

/** `shape` without the given axes, or with 1 in their place. */
export function dropAxes(shape: Shape, axes: readonly number[], keepDims = false): number[] {
  return keepDims ? shape.map((n, i) => (axes.includes(i) ? 1 : n)) : shape.filter((_, i) => !axes.includes(i));
}

/** The same elements under another shape, without moving any; null where the strides do not allow it. */
export function reshapeView(s: Strided, shape: Shape): Strided | null {
  if (isContiguous(s)) return contiguous(shape, s.offset);
  const from = s.shape.map((n, i) => ({ n, stride: s.strides[i]! })).filter(({ n }) => n !== 1);
  const strides = new Array<number>(shape.length).fill(0);
  let i = 0;
  let o = 0;
  while (i < from.length) {
    // The shortest runs of old and of new axes that hold equally many elements.
    let oldSize = from[i]!.n;
    let newSize = 1;
    const firstOld = i++;
    const firstNew = o;
    while (newSize !== oldSize) {
      if (newSize < oldSize) newSize *= shape[o++]!;
      else oldSize *= from[i++]!.n;
    }
    for (let k = firstOld; k + 1 < i; k++) {
      if (from[k]!.stride !== from[k + 1]!.stride * from[k + 1]!.n) return null;
    }
    let step = from[i - 1]!.stride;
    for (let k = o - 1; k >= firstNew; k--) {
      strides[k] = step;
      step *= shape[k]!;
    }
  }
  return { shape, strides, offset: s.offset };
}
