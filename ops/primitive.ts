/** The record of a primitive: everything every interpreter needs to know of one operation, declared in one place. */

import type { Kernel } from "./kernel.ts";
import type { TensorType } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/**
 * One operation. Its type requires every rule; interpreters read the record and never name a primitive. Below the
 * surface broadcasting is explicit, so operands of elementwise primitives have equal shapes and equal dtypes.
 */
export interface Primitive<P = unknown> {
  readonly name: string;
  /** The types of the results. Called after the public function has checked its arguments. */
  infer(types: readonly TensorType[], params: P): readonly TensorType[];
  /** What a device computes. Equal types and params must give an equal kernel. */
  kernel(types: readonly TensorType[], params: P): Kernel;
  readonly derivative: Derivative<P>;
  /**
   * The operation over a whole batch at once: batched inputs carry the batch as axis 0, and so do all results.
   * At least one input is batched.
   */
  batch(inputs: readonly Tensor[], batched: readonly boolean[], params: P, size: number): readonly Tensor[];
}

/** A value that a rule keeps from the forward pass: the operand at a position, or the result. */
export type Slot = number | "y";

/** The derivative with respect to one operand, as a linear map of `g` given the kept values; `null` where it is zero. */
export type Partial = { readonly keeps: readonly Slot[]; of(g: Tensor, ...kept: Tensor[]): Tensor } | null;

/** The result does not vary smoothly, or is no real number. The reason is printed where a derivative is asked of it. */
export type NoDerivative = { readonly kind: "zero"; readonly reason: string };

/** An operation carried out, together with its derivative there. */
export interface Linearized {
  readonly outputs: readonly Tensor[];
  /** The values that `apply` keeps. */
  readonly residuals: readonly Tensor[];
  /**
   * The linear part. Forward, it takes tangents of the operands to those of the results; in reverse, cotangents of the
   * results to those of the operands. null is zero.
   */
  apply(given: readonly (Tensor | null)[]): readonly (Tensor | null)[];
}

export type Direction = "forward" | "reverse";

/**
 * How a primitive is differentiated. Both modes follow from each statement; all but `zero` and `staged` have a single
 * result.
 */
export type Derivative<P> =
  | NoDerivative
  /** Element i of the result depends on element i of each operand alone: a partial is its own transpose. */
  | { readonly kind: "pointwise"; readonly partials: readonly Partial[] }
  /** Linear in the operands at `linear` taken together; `transpose` gives the cotangent of each of them. */
  | {
    readonly kind: "linear";
    readonly linear: readonly number[] | "all";
    /** The parameters of the linear part, for an operation that is only affine. */
    homogeneous?(params: P): P;
    /** `others` are the operands not in `linear`, in order; `types` are those of all operands. */
    transpose(g: Tensor, others: readonly Tensor[], params: P, types: readonly TensorType[]): readonly Tensor[];
  }
  /** Linear in each of two operands. `transpose[i]` gives operand i's cotangent from g and the other operand. */
  | {
    readonly kind: "bilinear";
    readonly transpose: readonly [BilinearTranspose<P>, BilinearTranspose<P>];
  }
  /** The result is made of elements of operand `of`: both modes are linear maps given the kept values. */
  | {
    readonly kind: "selection";
    readonly of: number;
    readonly keeps: readonly Slot[];
    push(tangent: Tensor, kept: readonly Tensor[], params: P): Tensor;
    pull(g: Tensor, kept: readonly Tensor[], params: P): Tensor;
  }
  /** A program, whose values and derivative are computed together. `wanted` operands are floats; the others are constant. */
  | {
    readonly kind: "staged";
    linearize(
      direction: Direction,
      inputs: readonly Tensor[],
      wanted: readonly boolean[],
      params: P,
    ): Linearized;
  };

export type BilinearTranspose<P> = (g: Tensor, other: Tensor, params: P, types: readonly TensorType[]) => Tensor;

/** A primitive that no derivative flows through, and why. */
export function notDifferentiable(reason: string): NoDerivative {
  return { kind: "zero", reason };
}
