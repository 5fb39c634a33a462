/** Scaling data to mean 0 and variance 1, by what was measured on the training part. */

import { checkOptions, toFloat } from "../ops/arguments.ts";
import { div, sub } from "../ops/arithmetic.ts";
import { equal, where } from "../ops/logic.ts";
import { ShapeError } from "../ops/errors.ts";
import { max, mean as meanOf, min, std as stdOf } from "../ops/reduction.ts";
import { typeString } from "../ops/shape.ts";
import type { Tensor, TensorLike } from "../ops/tensor.ts";

/** Options of {@linkcode standardize}. */
export interface StandardizeOptions {
  /** The variance divides by n − ddof; 0 unless given. */
  readonly ddof?: number | undefined;
  /**
   * The axes to measure over; 0 unless given, so that every component has its own mean and deviation. For images with
   * one for each channel: `[0, 1, 2]`.
   */
  readonly axis?: number | readonly number[] | undefined;
}

/** What {@linkcode standardize} measures: tensors that broadcast against the data. */
export interface Standard {
  /** The means. */
  readonly mean: Tensor;
  /** The standard deviations; 0 where all values are equal. */
  readonly std: Tensor;
}

/** A pair of functions: one measures, the other scales by what was measured. */
export interface Standardizer {
  /** Measures the training data. */
  fit(x: TensorLike): Standard;
  /** (x − mean) / std; components that were constant are only shifted. */
  apply(fitted: Standard, x: TensorLike): Tensor;
}

/**
 * Makes the mean of every component 0 and its variance 1. Measure on the training data, and apply that to all data.
 *
 * @example Usage
 * ```ts
 * import { data, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const scaler = data.standardize();
 * const fitted = scaler.fit(tensor([[1, 5], [3, 5]]));
 * assertEquals(scaler.apply(fitted, tensor([[1, 5], [5, 6]])).arraySync(), [[-1, 0], [3, 1]]);
 * ```
 */
export function standardize(options: StandardizeOptions = {}): Standardizer {
  checkOptions("standardize", options, ["ddof", "axis"]);
  const { ddof = 0, axis = 0 } = options;
  return {
    fit(x) {
      const t = toFloat("standardize", x);
      if (t.ndim === 0) throw new ShapeError(`standardize() needs an axis of examples, got ${typeString(t.type)}`);
      const over = { axis, keepDims: true };
      // Rounding would leave a constant component a tiny deviation, and division by it would make noise of it.
      const constant = equal(max(t, over), min(t, over));
      return { mean: meanOf(t, over), std: where(constant, 0, stdOf(t, { ...over, ddof })) };
    },
    apply({ mean, std }, x) {
      return div(sub(toFloat("standardize", x), mean), where(equal(std, 0), 1, std));
    },
  };
}
