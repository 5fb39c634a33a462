/** Mean 0 and variance 1 over an axis. */

import { checkOptions, toFloat } from "./arguments.ts";
import { add, mul, sub } from "./arithmetic.ts";
import { derived } from "./derived.ts";
import { describe } from "./errors.ts";
import { rsqrt } from "./functions.ts";
import { mean, variance } from "./reduction.ts";
import { throughFloat32 } from "./rounded_once.ts";
import { normalizeAxes } from "./shape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/** Options of {@linkcode standardize}. */
export interface StandardizeOptions {
  /** The axis, or axes, over which the result has mean 0 and variance 1; the last by default. */
  readonly axis?: number | readonly number[] | undefined;
  /** What is added to the variance, so that equal elements become 0; 1e-5 by default. */
  readonly epsilon?: number | undefined;
}

interface Settings {
  readonly axis: readonly number[];
  readonly epsilon: number;
}

const standardizeOver = derived("standardize", (xs, { axis, epsilon }: Settings) =>
  throughFloat32(xs, (x) => {
    const spread = add(variance(x!, { axis, keepDims: true }), epsilon);
    return mul(sub(x!, mean(x!, { axis, keepDims: true })), rsqrt(spread));
  }));

/**
 * (x − mean) / √(variance + ε) over an axis (the last by default): `f32[n,k] → f32[n,k]`. The variance divides by the
 * number of elements. Integers and bools become float32; where an element is NaN or infinite all are NaN. As
 * `jax.nn.standardize`, but by way of the deviations from the mean, which keep their digits where the mean is large.
 *
 * @throws {TypeError} If epsilon is no number.
 *
 * @example Usage
 * ```ts
 * import { standardize, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(standardize(tensor([1, 3, 1, 3]), { epsilon: 0 }).arraySync(), [-1, 1, -1, 1]);
 * ```
 */
export function standardize(x: TensorLike, options: StandardizeOptions = {}): Tensor {
  const t = toFloat("standardize", x);
  checkOptions("standardize", options, ["axis", "epsilon"]);
  const { axis = t.ndim === 0 ? [] : -1, epsilon = 1e-5 } = options;
  if (typeof epsilon !== "number") {
    throw new TypeError(`standardize() takes an epsilon that is a number, got ${describe(epsilon)}`);
  }
  return standardizeOver([t], { axis: normalizeAxes("standardize", axis, t.ndim), epsilon });
}
