/** The normal distribution, by the inverse of its distribution function. */

import { checkOptions } from "../arguments.ts";
import { derived } from "../derived.ts";
import type { DType } from "../dtype.ts";
import { mul } from "../arithmetic.ts";
import { reshape } from "../movement.ts";
import { checkShape, type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { erfInv } from "./erfinv.ts";
import { checkKey } from "./threefry.ts";
import { type FloatOptions, floatType, fractionsBetween, leastAboveMinusOne } from "./uniform.ts";

const normalIn = derived(
  "normal",
  ([key], { shape, dtype }: { readonly shape: Shape; readonly dtype: DType }) => {
    const u = fractionsBetween(key!, sizeOf(shape), dtype, leastAboveMinusOne(dtype), 1);
    return reshape(mul(erfInv(u), Math.SQRT2), shape);
  },
);

/**
 * Draws from the standard normal distribution: `u32[2] → f32[…shape]`.
 *
 * `√2 · erf⁻¹(u)` with u uniform on (−1, 1), as `jax.random.normal`, whose values these are within a few ULP. The largest
 * magnitude a float32 can take is 5.42. Of float16 the inverse error function is computed in float32.
 *
 * @param shape Rank 0 by default.
 *
 * @example Mean 3, standard deviation 2
 * ```ts
 * import { add, mean, mul, random, std } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const x = add(mul(random.normal(random.key(0), [10_000]), 2), 3);
 * assertAlmostEquals(Number(mean(x).item()), 3, 0.1);
 * assertAlmostEquals(Number(std(x).item()), 2, 0.1);
 * ```
 */
export function normal(key: Tensor, shape: Shape = [], options: FloatOptions = {}): Tensor {
  checkKey("normal", key);
  checkShape("normal", shape);
  checkOptions("normal", options, ["dtype"]);
  return normalIn([key], { shape, dtype: floatType("normal", options) });
}
