/** The normal distribution cut off at two bounds. */

import { clip, maximum, minimum, mul } from "../arithmetic.ts";
import { checkOptions } from "../arguments.ts";
import { derived } from "../derived.ts";
import { allocateArray, type DType, floatFormat, toDType } from "../dtype.ts";
import { describe } from "../errors.ts";
import { reshape } from "../movement.ts";
import { checkShape, type Shape, sizeOf } from "../shape.ts";
import { erf } from "../special_functions.ts";
import type { Tensor } from "../tensor.ts";
import { erfInv } from "./erfinv.ts";
import { checkKey } from "./threefry.ts";
import { type FloatOptions, floatType, fractionsBetween, leastAboveMinusOne } from "./uniform.ts";

interface Cut {
  readonly shape: Shape;
  readonly dtype: DType;
  /** The error function at both bounds over √2, between which u is uniform. */
  readonly from: number;
  readonly to: number;
  /** The numbers next to the bounds, inside. */
  readonly least: number;
  readonly most: number;
}

const truncatedIn = derived("truncatedNormal", ([key], { shape, dtype, from, to, least, most }: Cut) => {
  const inside = leastAboveMinusOne(dtype);
  const u = minimum(maximum(fractionsBetween(key!, sizeOf(shape), dtype, from, to), inside), -inside);
  return reshape(clip(mul(erfInv(u), Math.SQRT2), { min: least, max: most }), shape);
});

/** The bounds and the element type of {@linkcode truncatedNormal}. */
export interface TruncatedNormalOptions extends FloatOptions {
  /** What all draws are above; −2 by default. */
  readonly lower?: number | undefined;
  /** What all draws are below; 2 by default. */
  readonly upper?: number | undefined;
}

/**
 * Draws from the standard normal distribution between two bounds, exclusive: `u32[2] → f32[…shape]`.
 *
 * `√2 · erf⁻¹(u)` with u uniform between erf(lower / √2) and erf(upper / √2), as `jax.random.truncated_normal`, whose
 * values these are within a few ULP. A bound may be infinite. With bounds ±2 the standard deviation is 0.8796. Beyond
 * ±5.42 a float32 cannot tell probabilities apart: all draws between bounds that far out are next to the nearer one.
 *
 * @param shape Rank 0 by default.
 * @throws {TypeError} If a bound is not a number.
 * @throws {RangeError} Unless lower < upper, with a number of the dtype between them.
 *
 * @example The half of the bell above 0
 * ```ts
 * import { mean, random } from "@pullback/pullback";
 * import { assert, assertAlmostEquals } from "@std/assert";
 *
 * const x = random.truncatedNormal(random.key(0), [10_000], { lower: 0, upper: Infinity });
 * assert(x.dataSync().every((v) => v > 0));
 * assertAlmostEquals(Number(mean(x).item()), Math.sqrt(2 / Math.PI), 0.02);
 * ```
 */
export function truncatedNormal(key: Tensor, shape: Shape = [], options: TruncatedNormalOptions = {}): Tensor {
  checkKey("truncatedNormal", key);
  checkShape("truncatedNormal", shape);
  checkOptions("truncatedNormal", options, ["lower", "upper", "dtype"]);
  const { lower = -2, upper = 2 } = options;
  const dtype = floatType("truncatedNormal", options);
  for (const bound of [lower, upper]) {
    if (typeof bound !== "number") {
      throw new TypeError(`truncatedNormal() takes lower and upper as numbers, got ${describe(bound)}`);
    }
  }
  const [least, most] = [nextAbove(toDType(lower, dtype), dtype), -nextAbove(-toDType(upper, dtype), dtype)];
  if (!(lower < upper && least <= most)) {
    throw new RangeError(`truncatedNormal() needs lower < upper, got lower ${lower} and upper ${upper}`);
  }
  const [from, to] = [lower, upper].map((bound) => toDType(erf(toDType(bound, dtype) / Math.SQRT2), dtype));
  return truncatedIn([key], { shape, dtype, from: from!, to: to!, least, most });
}

/** The least number of the dtype above x. */
function nextAbove(x: number, dtype: DType): number {
  const { digits, leastExponent } = floatFormat(dtype);
  if (x === 0) return 2 ** (leastExponent - digits + 1);
  const one = allocateArray(dtype, 1).fill(x);
  if (one instanceof Float64Array) {
    const bits = new BigInt64Array(one.buffer);
    bits[0]! += x > 0 ? 1n : -1n;
  } else {
    const bits = dtype === "float16" ? new Int16Array(one.buffer) : new Int32Array(one.buffer);
    bits[0]! += x > 0 ? 1 : -1;
  }
  return one[0]!;
}
