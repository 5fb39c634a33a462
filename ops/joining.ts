/** Putting tensors side by side, padding and repeating them, and cutting them apart. */

import { checkOptions, promoted, storable, toTensor } from "./arguments.ts";
import { bind1 } from "./bind.ts";
import { toDType } from "./dtype.ts";
import { describe, ShapeError } from "./errors.ts";
import { alignBatch } from "./families.ts";
import { take } from "./indexing.ts";
import { axisList, broadcastTo, expandDims, flatten, reshape, slice, sliceP } from "./movement.ts";
import type { Primitive } from "./primitive.ts";
import { checkCount, normalizeAxis, sameShape, type Shape, typeString } from "./shape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

interface PlaceParams {
  readonly shape: Shape;
  readonly fill: number;
  readonly at: readonly { readonly start: Shape; readonly step: Shape }[];
}

/** Operands written into a filled tensor: padding, concatenation, and the transpose of slicing. */
export const placeP: Primitive<PlaceParams> = {
  name: "place",
  infer: ([x], { shape }) => [{ dtype: x!.dtype, shape }],
  kernel: (_, { fill, at }) => ({ kind: "place", fill, at }),
  derivative: {
    kind: "linear",
    linear: "all",
    homogeneous: (params) => ({ ...params, fill: 0 }),
    transpose: (g, _, { at }, types) =>
      types.map(({ shape }, i) => bind1(sliceP, [g], { start: at[i]!.start, shape, step: at[i]!.step })),
  },
  batch(inputs, batched, { shape, fill, at }, size) {
    const grown = at.map(({ start, step }) => ({ start: [0, ...start], step: [1, ...step] }));
    return [bind1(this, alignBatch(inputs, batched, size), { shape: [size, ...shape], fill, at: grown })];
  },
};

/** Tensors for joining: at least one, of one dtype. */
function joinable(op: string, xs: readonly TensorLike[]): Tensor[] {
  if (!Array.isArray(xs)) throw new TypeError(`${op}() takes an array of tensors, got ${describe(xs)}`);
  if (xs.length === 0) throw new ShapeError(`${op}() needs at least one tensor`);
  return promoted(op, xs);
}

/**
 * Tensors joined along an existing axis, 0 by default: `f32[2,3], f32[1,3] → f32[3,3]`. Dtypes promote as in
 * {@linkcode add}.
 *
 * @throws {ShapeError} If there is no tensor, one has no axes, or other sizes differ.
 *
 * @example Usage
 * ```ts
 * import { concatenate, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(concatenate([tensor([1, 2]), tensor([3])]).arraySync(), [1, 2, 3]);
 * assertEquals(concatenate([tensor([[1], [2]]), tensor([[3], [4]])], { axis: 1 }).arraySync(), [[1, 3], [2, 4]]);
 * ```
 */
export function concatenate(xs: readonly TensorLike[], options: { readonly axis?: number | undefined } = {}): Tensor {
  const ts = joinable("concatenate", xs);
  const first = ts[0]!;
  checkOptions("concatenate", options, ["axis"]);
  const axis = normalizeAxis("concatenate", options.axis, first.ndim, 0);
  for (const t of ts) {
    if (t.ndim !== first.ndim || t.shape.some((n, i) => i !== axis && n !== first.shape[i])) {
      throw new ShapeError(
        `concatenate() cannot join ${typeString(first.type)} and ${typeString(t.type)} along axis ${axis}: ` +
          "all other sizes must be equal",
      );
    }
  }
  if (ts.length === 1) return first;
  const step = first.shape.map(() => 1);
  let end = 0;
  const at = ts.map((t) => {
    const start = t.shape.map((_, i) => (i === axis ? end : 0));
    end += t.shape[axis]!;
    return { start, step };
  });
  return bind1(placeP, ts, { shape: first.shape.map((n, i) => (i === axis ? end : n)), fill: 0, at });
}

/**
 * Tensors of one shape joined along a new axis, 0 by default: `f32[3], f32[3] → f32[2,3]`. Dtypes promote as in
 * {@linkcode add}.
 *
 * @throws {ShapeError} If there is no tensor, or the shapes differ.
 *
 * @example Usage
 * ```ts
 * import { stack, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(stack([tensor([1, 2]), tensor([3, 4])]).arraySync(), [[1, 2], [3, 4]]);
 * assertEquals(stack([tensor([1, 2]), tensor([3, 4])], { axis: -1 }).arraySync(), [[1, 3], [2, 4]]);
 * ```
 */
export function stack(xs: readonly TensorLike[], options: { readonly axis?: number | undefined } = {}): Tensor {
  const ts = joinable("stack", xs);
  const first = ts[0]!;
  const odd = ts.find((t) => !sameShape(t.shape, first.shape));
  if (odd !== undefined) {
    throw new ShapeError(
      `stack() cannot join ${typeString(first.type)} and ${typeString(odd.type)}: shapes must be equal`,
    );
  }
  checkOptions("stack", options, ["axis"]);
  const axis = normalizeAxis("stack", options.axis, first.ndim + 1, 0);
  return concatenate(ts.map((t) => expandDims(t, axis)), { axis });
}

/**
 * x cut along an axis, 0 by default, into equal parts or at the given positions: `f32[6] → f32[2], f32[2], f32[2]` for
 * 3.
 *
 * Positions follow the rules of {@linkcode slice}: negative ones count from the end, and parts may be empty.
 *
 * @throws {ShapeError} If the axis cannot be cut into as many equal parts.
 *
 * @example Usage
 * ```ts
 * import { arange, split } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(split(arange(6), 3).map((x) => x.arraySync()), [[0, 1], [2, 3], [4, 5]]);
 * assertEquals(split(arange(6), [1, 4]).map((x) => x.arraySync()), [[0], [1, 2, 3], [4, 5]]);
 * ```
 */
export function split(
  x: TensorLike,
  parts: number | readonly number[],
  options: { readonly axis?: number | undefined } = {},
): Tensor[] {
  const t = toTensor("split", x);
  checkOptions("split", options, ["axis"]);
  const axis = normalizeAxis("split", options.axis, t.ndim, 0);
  const n = t.shape[axis]!;
  if (typeof parts !== "number" && !(Array.isArray(parts) && parts.every(Number.isInteger))) {
    throw new TypeError(`split() takes a number of parts or an array of integer positions, got ${describe(parts)}`);
  }
  if (typeof parts === "number" && (!Number.isInteger(parts) || parts < 1 || n % parts !== 0)) {
    throw new ShapeError(`split() cannot cut axis ${axis} of ${typeString(t.type)} into ${parts} equal parts`);
  }
  const cuts = typeof parts === "number" ? Array.from({ length: parts - 1 }, (_, i) => (i + 1) * (n / parts)) : parts;
  return [...cuts, n].map((stop, i) => {
    const start = i === 0 ? 0 : cuts[i - 1]!;
    return slice(t, { start: startAt(axis, start), stop: startAt(axis, stop, null) });
  });
}

/** One entry for `axis`, defaults before it. */
function startAt(axis: number, value: number, before: number | null = 0): (number | null)[] {
  return Array.from({ length: axis + 1 }, (_, i) => (i === axis ? value : before));
}

/** What {@linkcode pad} puts around a tensor. */
export type PadMode = "constant" | "edge" | "reflect" | "wrap";

/** Options of {@linkcode pad}. */
export interface PadOptions {
  /** What the new elements are; "constant" by default. */
  readonly mode?: PadMode | undefined;
  /** The constant; 0 by default. No other mode takes one. */
  readonly value?: number | undefined;
}

/** Which of the n elements of an axis shows at position i, which may lie before or after them. */
const sources: { readonly [M in Exclude<PadMode, "constant">]: (i: number, n: number) => number } = {
  edge: (i, n) => Math.min(Math.max(i, 0), n - 1),
  wrap: (i, n) => ((i % n) + n) % n,
  reflect(i, n) {
    const period = Math.max(1, 2 * (n - 1));
    const phase = ((i % period) + period) % period;
    return Math.min(phase, period - phase);
  },
};

/**
 * x with new elements before and after those of each axis: `f32[3] → f32[6]` for widths `[[1, 2]]`. By mode they are
 *
 * - "constant": all of one value,
 * - "edge": the first and the last element again,
 * - "reflect": those behind the edge in reverse order, the edge itself not repeated,
 * - "wrap": those from the other end.
 *
 * Widths may be larger than the axis: reflections and copies repeat. A single element reflects as itself. These are the
 * modes of NumPy.
 *
 * @throws {ShapeError} If there is not one [low, high] pair for each axis, or a mode other than "constant" meets an
 * empty axis.
 * @throws {RangeError} If a width is negative.
 * @throws {TypeError} If the value is no integer and x has an integer dtype, or the mode takes no value.
 *
 * @example Usage
 * ```ts
 * import { pad, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([1, 2, 3]);
 * assertEquals(pad(x, [[1, 2]]).arraySync(), [0, 1, 2, 3, 0, 0]);
 * assertEquals(pad(x, [[1, 2]], { mode: "edge" }).arraySync(), [1, 1, 2, 3, 3, 3]);
 * assertEquals(pad(x, [[1, 2]], { mode: "reflect" }).arraySync(), [2, 1, 2, 3, 2, 1]);
 * assertEquals(pad(x, [[1, 2]], { mode: "wrap" }).arraySync(), [3, 1, 2, 3, 1, 2]);
 * assertEquals(pad(tensor([[1]]), [[0, 1], [1, 0]], { value: 9 }).arraySync(), [[9, 1], [9, 9]]);
 * ```
 */
export function pad(x: TensorLike, widths: readonly (readonly [number, number])[], options: PadOptions = {}): Tensor {
  const t = toTensor("pad", x);
  checkOptions("pad", options, ["mode", "value"]);
  const { mode = "constant", value } = options;
  if (mode !== "constant" && !Object.hasOwn(sources, mode)) {
    throw new TypeError(`pad() knows the modes "constant", "edge", "reflect" and "wrap", got ${describe(mode)}`);
  }
  if (!Array.isArray(widths)) {
    throw new TypeError(`pad() takes an array of [low, high] pairs, got ${describe(widths)}`);
  }
  if (widths.length !== t.ndim || !widths.every((pair) => Array.isArray(pair) && pair.length === 2)) {
    throw new ShapeError(`pad() needs one [low, high] pair for each of the ${t.ndim} axes of ${typeString(t.type)}`);
  }
  for (const n of widths.flat()) checkCount("pad", "every width", n);
  if (mode !== "constant") {
    if (value !== undefined) throw new TypeError(`pad() takes a value in the mode "constant" alone, not in "${mode}"`);
    return widths.reduce<Tensor>((y, [low, high], axis) => extended(y, axis, low, high, mode), t);
  }
  const fill = toDType(storable("pad", value ?? 0, t.dtype), t.dtype);
  if (widths.every(([low, high]) => low === 0 && high === 0)) return t;
  return bind1(placeP, [t], {
    shape: t.shape.map((n, i) => n + widths[i]![0] + widths[i]![1]),
    fill,
    at: [{ start: widths.map(([low]) => low), step: t.shape.map(() => 1) }],
  });
}

/** One axis continued on both sides by its own elements. */
function extended(t: Tensor, axis: number, low: number, high: number, mode: keyof typeof sources): Tensor {
  if (low === 0 && high === 0) return t;
  const n = t.shape[axis]!;
  if (n === 0) {
    throw new ShapeError(`pad() cannot continue the empty axis ${axis} of ${typeString(t.type)} in the mode "${mode}"`);
  }
  return take(t, Array.from({ length: low + n + high }, (_, i) => sources[mode](i - low, n)), { axis });
}

/**
 * x shifted along axes, what leaves at the end coming back at the start: `f32[n] → f32[n]`. A negative shift goes the
 * other way. Without an axis the flattened elements are shifted, and the shape stays. One shift serves all axes, or
 * each has its own.
 *
 * @throws {ShapeError} If the numbers of shifts and axes differ.
 *
 * @example Usage
 * ```ts
 * import { roll, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(roll(tensor([1, 2, 3, 4]), 1).arraySync(), [4, 1, 2, 3]);
 * assertEquals(roll(tensor([[1, 2], [3, 4]]), -1, { axis: 1 }).arraySync(), [[2, 1], [4, 3]]);
 * ```
 */
export function roll(
  x: TensorLike,
  shift: number | readonly number[],
  options: { readonly axis?: number | readonly number[] | undefined } = {},
): Tensor {
  const t = toTensor("roll", x);
  checkOptions("roll", options, ["axis"]);
  const shiftsGiven = typeof shift === "number" ? [shift] : shift;
  if (!Array.isArray(shiftsGiven) || !shiftsGiven.every(Number.isInteger)) {
    throw new TypeError(`roll() takes a shift that is an integer or an array of integers, got ${describe(shift)}`);
  }
  if (options.axis === undefined) {
    if (typeof shift !== "number") {
      throw new TypeError("roll() of the flattened tensor takes one shift: give as many axes as shifts");
    }
    return reshape(roll(flatten(t), shift, { axis: 0 }), t.shape);
  }
  const axes = axisList("roll", options.axis);
  const shifts = typeof shift === "number" ? axes.map(() => shift) : shift;
  if (shifts.length !== axes.length) {
    throw new ShapeError(`roll() cannot apply ${shifts.length} shifts along ${axes.length} axes: give one for each`);
  }
  return axes.reduce<Tensor>((y, a, k) => {
    const axis = normalizeAxis("roll", a, t.ndim);
    const n = t.shape[axis]!;
    const by = n === 0 ? 0 : ((shifts[k]! % n) + n) % n;
    if (by === 0) return y;
    const [head, tail] = split(y, [n - by], { axis });
    return concatenate([tail!, head!], { axis });
  }, t);
}

/**
 * Every element repeated n times, next to each other, along an axis: `f32[3] → f32[6]`. An array gives each element a
 * count of its own. Without an axis x is flattened first.
 *
 * @throws {ShapeError} If there is not one count for each element of the axis.
 * @throws {RangeError} If a count is negative.
 *
 * @example Usage
 * ```ts
 * import { repeat, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(repeat(tensor([1, 2]), 2).arraySync(), [1, 1, 2, 2]);
 * assertEquals(repeat(tensor([[1], [2]]), [1, 2], { axis: 0 }).arraySync(), [[1], [2], [2]]);
 * ```
 */
export function repeat(
  x: TensorLike,
  n: number | readonly number[],
  options: { readonly axis?: number | undefined } = {},
): Tensor {
  const given = toTensor("repeat", x);
  checkOptions("repeat", options, ["axis"]);
  const t = options.axis === undefined ? flatten(given) : given;
  const axis = normalizeAxis("repeat", options.axis, t.ndim, 0);
  checkCounts("repeat", n);
  if (typeof n !== "number") {
    if (n.length !== t.shape[axis]) {
      throw new ShapeError(
        `repeat() needs ${t.shape[axis]} counts for axis ${axis} of ${typeString(t.type)}, got ${n.length}`,
      );
    }
    return take(t, n.flatMap((times, i) => new Array<number>(times).fill(i)), { axis });
  }
  const wide = [...t.shape.slice(0, axis + 1), n, ...t.shape.slice(axis + 1)];
  return reshape(broadcastTo(expandDims(t, axis + 1), wide), t.shape.map((m, i) => (i === axis ? m * n : m)));
}

/** One non-negative integer, or several. */
function checkCounts(op: string, n: number | readonly number[]): void {
  for (const count of Array.isArray(n) ? n : [n]) checkCount(op, "every count", count);
}

/**
 * The whole of x repeated along each axis: `f32[2,3] → f32[4,3]` for `[2, 1]`. The shorter of the shape and the counts
 * gets ones in front; a number counts for the last axis.
 *
 * @throws {RangeError} If a count is negative.
 *
 * @example Usage
 * ```ts
 * import { tensor, tile } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(tile(tensor([1, 2]), 2).arraySync(), [1, 2, 1, 2]);
 * assertEquals(tile(tensor([1, 2]), [2, 1]).arraySync(), [[1, 2], [1, 2]]);
 * ```
 */
export function tile(x: TensorLike, reps: number | readonly number[]): Tensor {
  const t = toTensor("tile", x);
  checkCounts("tile", reps);
  const given = typeof reps === "number" ? [reps] : reps;
  const rank = Math.max(t.ndim, given.length);
  const lead = <T>(list: readonly T[], one: T): T[] => [...new Array<T>(rank - list.length).fill(one), ...list];
  const [shape, times] = [lead(t.shape, 1), lead(given, 1)];
  const spread = broadcastTo(reshape(t, shape.flatMap((n) => [1, n])), shape.flatMap((n, i) => [times[i]!, n]));
  return reshape(spread, shape.map((n, i) => n * times[i]!));
}
