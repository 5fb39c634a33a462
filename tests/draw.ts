/** What is drawn for properties: shapes first, then operands for them, each in some layout of its storage. */

import * as fc from "fast-check";
import { tensor } from "../ops/literal.ts";
import { allocateArray, type DType } from "../ops/dtype.ts";
import { broadcastTo, flip, slice, transpose } from "../ops/movement.ts";
import type { Tensor, TensorLike } from "../ops/tensor.ts";
import { at, build, held, indices, isFloat, type Plain, sizeOf } from "./plain.ts";

/**
 * How an operand lies in its storage: by rows; with its axes reversed; every second element of something larger; back to
 * front; one row for all (then all rows are equal); or, for rank 0, as a number that is no tensor.
 */
export type Layout = "rows" | "transposed" | "strided" | "flipped" | "stretched" | "bare";

/** An operand of an operation. */
export interface Operand extends Plain {
  readonly layout: Layout;
}

/** What a case is drawn for: derivatives want float64, and points where the function is smooth nearby. */
export type Use = "value" | "derivative";

export interface ShapeOptions {
  readonly rank?: readonly [number, number];
  readonly sizes?: readonly [number, number];
}

/** Ranks 0–4 and sizes 0–4, an empty axis now and then. */
export function shapes(
  { rank: [lowest, highest] = [0, 4], sizes: [least, most] = [0, 4] }: ShapeOptions = {},
): fc.Arbitrary<
  number[]
> {
  const some = fc.integer({ min: Math.max(least, 1), max: most });
  const size = least > 0 ? some : fc.oneof({ weight: 12, arbitrary: some }, { weight: 1, arbitrary: fc.constant(0) });
  return fc.array(size, { minLength: lowest, maxLength: highest });
}

/** Multiples of 1/512: exact in float32, as their sums are. As operands of float16 they are rounded. */
export function between(low: number, high: number): fc.Arbitrary<number> {
  return fc.integer({ min: Math.ceil(low * 512), max: Math.floor(high * 512) }).map((n) => n / 512);
}

export function elements(dtype: DType): fc.Arbitrary<number> {
  switch (dtype) {
    case "float32":
    case "float64":
    case "float16":
      return between(-8, 8);
    case "int32":
      return withEdges(fc.integer({ min: -9, max: 9 }), [-(2 ** 31), 2 ** 31 - 1]);
    case "uint32":
      return withEdges(fc.nat(9), [2 ** 31, 2 ** 32 - 1]);
    case "bool":
      return fc.integer({ min: 0, max: 1 });
  }
}

function withEdges(usual: fc.Arbitrary<number>, edges: readonly number[]): fc.Arbitrary<number> {
  return fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: fc.constantFrom(...edges) });
}

/** What one operand is to be. */
export interface Wanted {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly elements?: fc.Arbitrary<number> | undefined;
  /** Whether a number that is no tensor will do. */
  readonly bare?: boolean | undefined;
}

/** One operand for each wish. With `distinct` all float elements of all of them differ, so that no choice is a tie. */
export function operands(
  wanted: readonly Wanted[],
  options: { readonly distinct?: boolean } = {},
): fc.Arbitrary<Operand[]> {
  if (options.distinct) return distinctOperands(wanted);
  return fc.tuple(...wanted.map((want) => operand(want)));
}

export function operand(want: Wanted): fc.Arbitrary<Operand> {
  const { shape, dtype } = want;
  const n = sizeOf(shape);
  const data = fc.array(want.elements ?? elements(dtype), { minLength: n, maxLength: n });
  return fc.tuple(data, layouts(want, true)).map(([data, layout]) => laidOut(held({ shape, dtype, data }), layout));
}

function distinctOperands(wanted: readonly Wanted[]): fc.Arbitrary<Operand[]> {
  const floats = wanted.filter(({ dtype }) => isFloat(dtype));
  const total = floats.reduce((n, { shape }) => n + sizeOf(shape), 0);
  const range = floats.find((want) => want.elements !== undefined)?.elements ?? elements("float64");
  const all = fc.uniqueArray(range, { minLength: total, maxLength: total });
  return all.chain((values) => {
    let next = 0;
    return fc.tuple(...wanted.map((want) => {
      if (!isFloat(want.dtype)) return operand(want);
      const data = values.slice(next, next += sizeOf(want.shape));
      return layouts(want, false).map((layout) => laidOut({ shape: want.shape, dtype: want.dtype, data }, layout));
    }));
  });
}

function layouts({ shape, bare = false }: Wanted, repeats: boolean): fc.Arbitrary<Layout> {
  if (shape.length === 0) return bare ? fc.constantFrom<Layout>("rows", "bare") : fc.constant<Layout>("rows");
  const usual: Layout[] = ["rows", "transposed", "strided", "flipped"];
  return fc.constantFrom<Layout>(...usual, ...(repeats && shape[0]! > 0 ? ["stretched" as const] : []));
}

/** A stretched operand repeats its first row. */
function laidOut(x: Plain, layout: Layout): Operand {
  if (layout === "bare") return { ...x, layout, bare: true };
  return layout === "stretched" ? { ...build(x.shape, x.dtype, (i) => at(x, i.with(0, 0))), layout } : { ...x, layout };
}

/** The operand as a tensor, or as a bare number. */
export function toTensor(x: Operand): Tensor;
export function toTensor(x: Operand, bare: "bare"): TensorLike;
export function toTensor(x: Operand, bare?: "bare"): TensorLike {
  const { dtype, shape } = x;
  switch (x.layout) {
    case "rows":
      return upload(x);
    case "bare":
      if (bare !== "bare") return upload(x);
      return dtype === "bool" ? x.data[0] !== 0 : x.data[0]!;
    case "transposed":
      return transpose(upload(build(shape.toReversed(), dtype, (index) => at(x, index.toReversed()))));
    case "strided": {
      const rubbish = dtype === "bool" ? 1 : isFloat(dtype) ? NaN : 77;
      const wide = build(
        shape.map((n) => 2 * n + 1),
        dtype,
        (index) => index.every((i) => i % 2 === 1) ? at(x, index.map((i) => (i - 1) / 2)) : rubbish,
      );
      return slice(upload(wide), { start: shape.map(() => 1), step: shape.map(() => 2) });
    }
    case "flipped":
      return flip(upload(build(shape, dtype, (index) => at(x, index.map((i, axis) => shape[axis]! - 1 - i)))));
    case "stretched":
      return broadcastTo(upload(build(shape.with(0, 1), dtype, (index) => at(x, index))), shape);
  }
}

/** A row-major tensor of plain numbers. */
export function upload(x: Plain): Tensor {
  const array = allocateArray(x.dtype, x.data.length);
  array.set(x.data);
  return tensor(array, { shape: x.shape, dtype: x.dtype });
}

/** An axis of a tensor, counted from either end. */
export function axisOf(rank: number): fc.Arbitrary<number> {
  return fc.integer({ min: -rank, max: rank - 1 });
}

/** What a reduction takes: no axis, one, or several, counted from either end. */
export function axesOf(rank: number): fc.Arbitrary<number | number[] | undefined> {
  if (rank === 0) return fc.constantFrom(undefined, []);
  return fc.oneof(fc.constant(undefined), axisOf(rank), someAxesOf(rank));
}

/** Different axes in any order, counted from either end. */
export function someAxesOf(rank: number): fc.Arbitrary<number[]> {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return fc.tuple(fc.shuffledSubarray(axes), fc.array(fc.boolean(), { minLength: rank, maxLength: rank }))
    .map(([some, negative]) => some.map((axis) => (negative[axis] ? axis - rank : axis)));
}

/** Shapes that broadcast to `shape`: without some leading axes, and with 1 for some sizes. */
export function shrunk(shape: readonly number[]): fc.Arbitrary<number[]> {
  return fc.tuple(fc.nat(shape.length), fc.array(fc.nat(3), { minLength: shape.length, maxLength: shape.length }))
    .map(([lead, ones]) => shape.map((n, axis) => (ones[axis] === 3 ? 1 : n)).slice(ones[0] === 0 ? lead : 0));
}

/** A tensor's worth of a few drawn numbers, over and over: directions, whatever the shape. */
export function fill(shape: readonly number[], dtype: DType, values: readonly number[], start = 0): Plain {
  return { dtype, shape, data: indices(shape).map((_, i) => values[(start + i) % values.length]!) };
}

/** Numbers for directions of derivatives. */
export function directions(): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min: -64, max: 64 }).map((n) => n / 64), { minLength: 11, maxLength: 11 });
}
