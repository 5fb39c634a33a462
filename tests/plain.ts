/** Arrays of plain numbers and loops over them: what the op table's references are written with, and nothing of ours. */

import type { DType } from "../ops/dtype.ts";

/** Row-major numbers. Floats are doubles whatever the dtype; integers are in range; bools are 0 and 1. */
export interface Plain {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: readonly number[];
  /** A bare JavaScript number, which adopts the dtype of what is beside it. */
  readonly bare?: boolean;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, n) => size * n, 1);
}

/** Every index of a shape, in row-major order. */
export function indices(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (found, n) => found.flatMap((index) => Array.from({ length: n }, (_, i) => [...index, i])),
    [[]],
  );
}

export function at(x: Plain, index: readonly number[]): number {
  return x.data[index.reduce((offset, i, axis) => offset * x.shape[axis]! + i, 0)]!;
}

/** The array of what `value` says at every index, stored as `dtype` stores it. */
export function build(shape: readonly number[], dtype: DType, value: (index: number[]) => number): Plain {
  return { dtype, shape, data: indices(shape).map((index) => store(value(index), dtype)) };
}

/** Integers wrap, anything but 0 is true, floats are left as doubles. */
export function store(value: number, dtype: DType): number {
  if (dtype === "int32") return value | 0;
  if (dtype === "uint32") return value >>> 0;
  return dtype === "bool" ? Number(value !== 0) : value;
}

/** What a cast does: floats are truncated into the range of an integer type, integers are rounded to a float type. */
export function castValue(value: number, from: DType, to: DType): number {
  if (to === "float32") return Math.fround(value);
  if (to === "float16") return Math.f16round(value);
  if (isFloat(from) && (to === "int32" || to === "uint32")) {
    const [low, high] = to === "int32" ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1];
    return Number.isNaN(value) ? 0 : Math.trunc(Math.min(high, Math.max(low, value))) + 0;
  }
  return store(value, to);
}

/** The same numbers as their dtype holds them. */
export function held<T extends Plain>(x: T): T {
  return { ...x, data: x.data.map((v) => castValue(v, x.dtype, x.dtype)) };
}

export function convert(x: Plain, dtype: DType): Plain {
  return x.dtype === dtype ? x : { dtype, shape: x.shape, data: x.data.map((v) => castValue(v, x.dtype, dtype)) };
}

export function isFloat(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float64" || dtype === "float16";
}

/** What floats are made of anything: float32 of integers and bools. */
export function floatOf(dtype: DType): DType {
  return isFloat(dtype) ? dtype : "float32";
}

/** What bools are added up as. */
export function countOf(dtype: DType): DType {
  return dtype === "bool" ? "int32" : dtype;
}

const lattice: readonly DType[] = ["bool", "uint32", "int32", "float16", "float32", "float64"];

/** The dtype that operands meet in; bare numbers count only where there is nothing else, or nothing but bools. */
export function promoted(xs: readonly Plain[]): DType {
  const ranks = xs.filter((x) => !x.bare).map((x) => lattice.indexOf(x.dtype));
  const highest = lattice[Math.max(...ranks, 0)]!;
  return highest === "bool" && xs.some((x) => x.bare && x.dtype !== "bool") ? "float32" : highest;
}

/** The shape that shapes broadcast to. */
export function broadcast(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[shape.length - rank + axis] ?? 1);
    return sizes.find((n) => n !== 1) ?? 1;
  });
}

/** The element of `x` that broadcasting puts at an index of a shape it stretches to. */
export function stretchedAt(x: Plain, index: readonly number[]): number {
  return at(x, x.shape.map((n, axis) => (n === 1 ? 0 : index[index.length - x.shape.length + axis]!)));
}

/** `f` of the elements of arrays that broadcast together. */
export function elementwise(xs: readonly Plain[], dtype: DType, f: (...values: number[]) => number): Plain {
  return build(broadcast(xs.map((x) => x.shape)), dtype, (index) => f(...xs.map((x) => stretchedAt(x, index))));
}

/** A possibly negative axis as a position. */
export function axisAt(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** The axes an option means: all if it is missing. */
export function axesAt(axis: number | readonly number[] | undefined, rank: number): number[] {
  if (axis === undefined) return Array.from({ length: rank }, (_, i) => i);
  return (typeof axis === "number" ? [axis] : axis).map((a) => axisAt(a, rank));
}

/** `f` of the elements along some axes taken together, in row-major order. */
export function reduced(
  x: Plain,
  options: { readonly axis?: number | readonly number[] | undefined; readonly keepDims?: boolean | undefined },
  dtype: DType,
  f: (values: number[]) => number,
): Plain {
  const axes = axesAt(options.axis, x.shape.length);
  const kept = x.shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
  const within = x.shape.map((n, axis) => (axes.includes(axis) ? n : 1));
  const whole = build(
    kept,
    dtype,
    (outer) => f(indices(within).map((inner) => at(x, outer.map((i, k) => i + inner[k]!)))),
  );
  return options.keepDims ? whole : { ...whole, shape: x.shape.filter((_, axis) => !axes.includes(axis)) };
}

/** The lines along one axis, each replaced by what `f` makes of it; lines may change their length. */
export function alongAxis(x: Plain, axis: number, dtype: DType, f: (line: number[]) => readonly number[]): Plain {
  const n = x.shape[axis]!;
  const made = new Map<string, readonly number[]>();
  const lineAt = (index: readonly number[]): readonly number[] => {
    const key = index.with(axis, 0).join();
    const line = made.get(key) ?? f(Array.from({ length: n }, (_, i) => at(x, index.with(axis, i))));
    made.set(key, line);
    return line;
  };
  const length = f(new Array<number>(n).fill(0)).length;
  return build(x.shape.with(axis, length), dtype, (index) => lineAt(index)[index[axis]!]!);
}

/** The same elements, in row-major order, as a vector. */
export function flat(x: Plain): Plain {
  return { ...x, shape: [x.data.length] };
}

/** Magnitudes, as float64: that of the least int32 is no int32. */
export function absolute(x: Plain): Plain {
  return { dtype: "float64", shape: x.shape, data: x.data.map(Math.abs) };
}

export function sumOf(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0);
}
