/** Elements of four bytes, four of which fill a vector: what kernels along one axis work on. The rest is the reference's. */

import type { Op } from "./assembler.ts";
import { fourLanes, type Group, oneLane } from "./loops.ts";
import type { DType } from "../ops/dtype.ts";
import type { Combiner } from "../ops/kernel.ts";
import { type Shape, sizeOf } from "../ops/shape.ts";

export type WordType = "float32" | "int32" | "uint32";

export function isWord(dtype: DType): dtype is WordType {
  return dtype === "float32" || dtype === "int32" || dtype === "uint32";
}

const combiners: { readonly [C in Combiner]: { readonly [D in WordType]: Op } } = {
  sum: { float32: "f32x4.add", int32: "i32x4.add", uint32: "i32x4.add" },
  max: { float32: "f32x4.max", int32: "i32x4.max_s", uint32: "i32x4.max_u" },
  min: { float32: "f32x4.min", int32: "i32x4.min_s", uint32: "i32x4.min_u" },
};

/** The instruction that combines the lanes of two vectors. */
export function combineWords(combiner: Combiner, dtype: WordType): Op {
  return combiners[combiner][dtype];
}

/** Sixteen neighbours, a cache line, then four, then one. */
export const lineGroups: readonly Group[] = [
  { width: fourLanes, vectors: 4 },
  { width: fourLanes, vectors: 1 },
  { width: oneLane, vectors: 1 },
];

/** A shape around one of its axes: how many lines there are before it, its size, and how many elements behind it. */
export function around(shape: Shape, axis: number): readonly [outer: number, size: number, inner: number] {
  return [sizeOf(shape.slice(0, axis)), shape[axis]!, sizeOf(shape.slice(axis + 1))];
}
