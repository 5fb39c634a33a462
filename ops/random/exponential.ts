/** Distributions whose quantiles are logarithms: exponential, Laplace and Gumbel. */

import { abs, mul, neg, sign } from "../arithmetic.ts";
import { checkOptions } from "../arguments.ts";
import { derived } from "../derived.ts";
import { type DType, floatFormat } from "../dtype.ts";
import { log, log1p } from "../functions.ts";
import { reshape } from "../movement.ts";
import { checkShape, type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { checkKey } from "./threefry.ts";
import { type FloatOptions, floatType, fractionsBetween, fractionsOf, leastAboveMinusOne } from "./uniform.ts";

/** A distribution without parameters, by what makes n draws of it. */
function standard(
  name: string,
  draw: (key: Tensor, n: number, dtype: DType) => Tensor,
): (key: Tensor, shape: Shape, options: FloatOptions) => Tensor {
  const drawIn = derived(
    name,
    ([key], { shape, dtype }: { readonly shape: Shape; readonly dtype: DType }) =>
      reshape(draw(key!, sizeOf(shape), dtype), shape),
  );
  return (key, shape, options) => {
    checkKey(name, key);
    checkShape(name, shape);
    checkOptions(name, options, ["dtype"]);
    return drawIn([key], { shape, dtype: floatType(name, options) });
  };
}

const exponentialOf = standard("exponential", (key, n, dtype) => neg(log1p(neg(fractionsOf(key, n, dtype)))));

/**
 * Draws from the exponential distribution of rate 1, `e^(−x)` for x ≥ 0: `u32[2] → f32[…shape]`.
 *
 * `−log(1 − u)` with u uniform on [0, 1), as `jax.random.exponential`, whose values these are within a few ULP. Divide by
 * a rate to have it. The largest a float32 can take is 15.94.
 *
 * @param shape Rank 0 by default.
 *
 * @example Waiting times at 2 arrivals in a second
 * ```ts
 * import { div, mean, random } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const seconds = div(random.exponential(random.key(0), [10_000]), 2);
 * assertAlmostEquals(Number(mean(seconds).item()), 0.5, 0.02);
 * ```
 */
export function exponential(key: Tensor, shape: Shape = [], options: FloatOptions = {}): Tensor {
  return exponentialOf(key, shape, options);
}

const laplaceOf = standard("laplace", (key, n, dtype) => {
  const u = fractionsBetween(key, n, dtype, leastAboveMinusOne(dtype), 1);
  return mul(sign(u), log1p(neg(abs(u))));
});

/**
 * Draws from the Laplace distribution, `½ e^(−|x|)`: `u32[2] → f32[…shape]`.
 *
 * `sign(u) · log(1 − |u|)` with u uniform on (−1, 1), as `jax.random.laplace`, whose values these are within a few ULP.
 * The mean is 0, the variance 2. The largest magnitude a float32 can take is 16.64.
 *
 * @param shape Rank 0 by default.
 *
 * @example Mean 0 and variance 2
 * ```ts
 * import { mean, random, variance } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const x = random.laplace(random.key(0), [10_000]);
 * assertAlmostEquals(Number(mean(x).item()), 0, 0.05);
 * assertAlmostEquals(Number(variance(x).item()), 2, 0.2);
 * ```
 */
export function laplace(key: Tensor, shape: Shape = [], options: FloatOptions = {}): Tensor {
  return laplaceOf(key, shape, options);
}

/** Standard Gumbel numbers, n of them. */
export function gumbelsOf(key: Tensor, n: number, dtype: DType): Tensor {
  const tiny = 2 ** floatFormat(dtype).leastExponent;
  return neg(log(neg(log(fractionsBetween(key, n, dtype, tiny, 1)))));
}

const gumbelOf = standard("gumbel", gumbelsOf);

/**
 * Draws from the standard Gumbel distribution, `P(X ≤ x) = e^(−e^(−x))`: `u32[2] → f32[…shape]`.
 *
 * `−log(−log u)` with u uniform on (0, 1), as `jax.random.gumbel` in its default mode, whose values these are within a few
 * ULP. The position of the largest of logits plus such noise is a draw of their softmax: see {@linkcode categorical}. The
 * mean is Euler's 0.5772, the variance π² / 6.
 *
 * @param shape Rank 0 by default.
 *
 * @example What categorical does
 * ```ts
 * import { add, argmax, random, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const key = random.key(0);
 * const logits = tensor([0.5, 1, 2]);
 * assertEquals(argmax(add(logits, random.gumbel(key, [3]))).item(), random.categorical(key, logits).item());
 * ```
 *
 * Reference: Gumbel, Statistical theory of extreme values and some practical applications, 1954.
 */
export function gumbel(key: Tensor, shape: Shape = [], options: FloatOptions = {}): Tensor {
  return gumbelOf(key, shape, options);
}
