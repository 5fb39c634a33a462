/**
 * Sums of products, `out[batch, row, column] = Σ a[batch, row, depth] · b[batch, column, depth]`, where batch, row, column
 * and depth are positions along several axes each: what matmul and all roles of convolution are.
 */

import type { Padding } from "./careful.ts";
import { collapse } from "../nest.ts";
import { computeType } from "../scalar.ts";
import type { ShaderWriter } from "../writer.ts";
import type { Place } from "../../jit/place.ts";
import type { DType } from "../../ops/dtype.ts";
import type { Scalar } from "../../ops/scalar.ts";
import { type Shape, sizeOf } from "../../ops/shape.ts";

const kinds = ["batch", "rows", "columns", "depth"] as const;
export type Kind = typeof kinds[number];
export type PerKind<T> = Readonly<Record<Kind, T>>;

export interface Room {
  readonly rows: number;
  readonly columns: number;
}

/** An operand, and its strides along the axes of each kind: 0 along those that it lacks. */
export interface Factor {
  readonly x: Place;
  readonly offset: number;
  readonly strides: PerKind<readonly number[]>;
  /** Where it is packed: its own axes along rows or columns, which are panels and what is in them. */
  readonly panels?: Shape;
  /** Of an output that is a row-major matrix for each of the batch: its rows and columns, which may be more than wanted. */
  readonly room?: Room;
}

export interface Contraction {
  readonly shapes: PerKind<Shape>;
  readonly a: Factor;
  readonly b: Factor;
  readonly output: Factor;
  readonly epilogue: Scalar | undefined;
  /** What the epilogue reads besides the sum. */
  readonly others: readonly Factor[];
  /** Where the depth was split. */
  readonly parts: Parts | null;
  /** Where some terms are products with padding, which are to be left out. */
  readonly padding: Padding | null;
}

/** How a depth was split: its axes before one became the first of the batch, and that one was cut into parts. */
export interface Parts {
  /** The axis of the batch that counts the parts. */
  readonly axis: number;
  /** The size of all parts together. */
  readonly whole: number;
}

export function perKind<T>(make: (kind: Kind) => T): PerKind<T> {
  return { batch: make("batch"), rows: make("rows"), columns: make("columns"), depth: make("depth") };
}

/** An operand along the axes of a contraction; where strides are not given they are 0. */
export function factorOf(
  x: Place,
  shapes: PerKind<Shape>,
  given: Partial<PerKind<readonly number[]>>,
  start: number = 0,
): Factor {
  return { x, offset: x.offset + start, strides: perKind((kind) => given[kind] ?? shapes[kind].map(() => 0)) };
}

/** How many positions there are of each kind. */
export function sizesOf({ shapes }: Contraction): PerKind<number> {
  return perKind((kind) => sizeOf(shapes[kind]));
}

/** The same with as few axes as can be. */
export function collapsed(contraction: Contraction): Contraction {
  const { a, b, output, others } = contraction;
  const all = [a, b, output, ...others];
  const nests = perKind((kind) => collapse(contraction.shapes[kind], all.map(({ strides }) => strides[kind])));
  const [newA, newB, newOutput, ...newOthers] = all.map((factor, n) => ({
    ...factor,
    strides: perKind((kind) => nests[kind].strides[n]!),
  })) as [Factor, Factor, Factor, ...Factor[]];
  const shapes = perKind((kind) => nests[kind].shape);
  return { ...contraction, shapes, a: newA, b: newB, output: newOutput, others: newOthers };
}

/** Whether elements that follow one another along the last axis of a kind come in vectors of four. */
export function takesFours({ offset, strides }: Factor, kind: Kind, shape: Shape): boolean {
  if (shape.at(-1)! % 4 !== 0 || strides[kind].at(-1) !== 1 || offset % 4 !== 0) return false;
  const others = kinds.flatMap((one) => one === kind ? strides[one].slice(0, -1) : strides[one]);
  return others.every((stride) => stride % 4 === 0);
}

/** Whether an operand is read in vectors along the depth. */
export function isDeep({ shapes, parts }: Contraction, factor: Factor): boolean {
  // The last part may be smaller than the others.
  if (parts !== null && shapes.depth.length === 1 && parts.whole % 4 !== 0) return false;
  return takesFours(factor, "depth", shapes.depth);
}

/** The factor where what is counted are vectors of four elements along the last axis of a kind. */
export function inFours({ x, offset, strides }: Factor, kind: Kind): Factor {
  const last = strides[kind].length - 1;
  const fours = perKind((one) => strides[one].map((stride, axis) => one === kind && axis === last ? 1 : stride / 4));
  return { x, offset: offset / 4, strides: fours };
}

/** The size of the depth's first axis, in the part that these indices of the batch name. */
export function firstDepth(writer: ShaderWriter, { shapes, parts }: Contraction, batch: readonly string[]): string {
  const size = writer.number(shapes.depth[0]!, "depth");
  return parts === null
    ? size
    : `min(${size}, ${writer.number(parts.whole, "whole depth")} - ${batch[parts.axis]} * ${size})`;
}

/** What sums are computed in. A bool is a word then. */
export function sumType(dtype: DType): "f32" | "i32" | "u32" {
  const type = computeType(dtype);
  return type === "bool" ? "u32" : type;
}

/** The text of `sum + a · b` of numbers, or of vectors. */
export function multiplyAdd(dtype: DType, sum: string, a: string, b: string): string {
  if (dtype === "bool") return `${sum} | (${a} & ${b})`;
  return sumType(dtype) === "f32" ? `fma(${a}, ${b}, ${sum})` : `${sum} + ${a} * ${b}`;
}

/** What sums are stored in, until they are finished. */
export function partialType(dtype: DType): DType {
  return dtype === "float16" ? "float32" : dtype === "bool" ? "uint32" : dtype;
}

/** What was loaded, in the type of sums. */
export function asSum(dtype: DType, width: 1 | 4, loaded: string): string {
  if (dtype !== "bool") return loaded;
  return width === 1 ? `u32(${loaded})` : `vec4<u32>(${loaded})`;
}
