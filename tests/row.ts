/** What a row of the op table says of one public operation. */

import type * as fc from "fast-check";
import type { DType } from "../ops/dtype.ts";
import type { Tensor, TensorLike } from "../ops/tensor.ts";
import type { Operand, Use } from "./draw.ts";
import type { Plain } from "./plain.ts";

/** One application: operands that derivatives and batches may be taken over, and everything else. */
export interface Drawn<S> {
  readonly operands: readonly Operand[];
  readonly settings: S;
}

/** How far a float result may be from the reference, and why. Integers and bools are exact. */
export interface Tolerance<S> {
  /**
   * Units in the last place of the result's dtype; 0 means the reference correctly rounded. Of float16 they are those of
   * float32, and half a one of float16: all is computed in float32 and rounded once.
   */
  readonly ulps: number;
  /** Why it is not 0, or why it is. */
  readonly because: string;
  /** The magnitudes whose last place is meant, where it is not that of the result: what a sum adds up, say. */
  of?(xs: readonly Plain[], settings: S): Plain | readonly Plain[];
}

export interface Row<S = unknown> {
  /** The exported name. */
  readonly name: string;
  /** Of the first operand. */
  readonly dtypes: readonly DType[];
  draw(dtype: DType, use: Use): fc.Arbitrary<Drawn<S>>;
  call(xs: readonly TensorLike[], settings: S): Tensor | readonly Tensor[];
  reference(xs: readonly Plain[], settings: S): Plain | readonly Plain[];
  readonly tolerance: Tolerance<S>;
  /** Why no derivative is compared with differences; absent where there is one. */
  readonly discrete?: string;
  /** Whether it makes tensors of settings alone. */
  readonly nullary?: boolean;
  /** Whether the sign of a zero is part of the meaning. */
  readonly signedZeros?: boolean;
  /** Why it works on known values alone, and under no transform. */
  readonly valuesOnly?: string;
  /** How many times as many cases as usual it takes to see all its options together. */
  readonly effort?: number;
  readonly examples?: readonly Drawn<S>[];
}

export const everyDType: readonly DType[] = ["float32", "float64", "float16", "int32", "uint32", "bool"];
export const numbers: readonly DType[] = ["float32", "float64", "float16", "int32", "uint32"];
export const floats: readonly DType[] = ["float32", "float64", "float16"];
export const integers: readonly DType[] = ["int32", "uint32"];

/** The tolerance of what only moves, chooses or compares elements, or is an operation that IEEE 754 rounds correctly. */
export const exact: Tolerance<unknown> = { ulps: 0, because: "every step is exact or correctly rounded" };
