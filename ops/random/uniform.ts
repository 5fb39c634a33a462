/** Random bits, and the uniform distribution made of them. */

import { checkOptions, storable } from "../arguments.ts";
import { constantOf } from "../create.ts";
import { derived } from "../derived.ts";
import { type DType, floatFormat, isDType, isFloat, toDType } from "../dtype.ts";
import { add, maximum, mul, sub } from "../arithmetic.ts";
import { cast } from "../cast.ts";
import { bitwiseAnd, rightShift } from "../bits.ts";
import { describe, ShapeError } from "../errors.ts";
import { reshape } from "../movement.ts";
import { broadcastShapes, checkShape, sameShape, type Shape, sizeOf, typeString } from "../shape.ts";
import { isTensor, type Tensor } from "../tensor.ts";
import { bitsOf, checkKey, forEachDraw, wordsOf } from "./threefry.ts";

const bitsIn = derived("bits", ([key], shape: Shape) => reshape(bitsOf(key!, sizeOf(shape)), shape));

/**
 * Draws 32 random bits for each element: `u32[2] → u32[…shape]`.
 *
 * Element i, in row-major order, is the cipher of i, its two words combined by exclusive or: what `jax.random.bits` gives
 * since JAX 0.5 (`jax_threefry_partitionable`).
 *
 * @param shape Rank 0 by default.
 *
 * @example The bits that JAX draws
 * ```ts
 * import { random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(random.bits(random.key(10), [4]).arraySync(), [169096361, 1572511259, 2689743692, 2228103506]);
 * ```
 */
export function bits(key: Tensor, shape: Shape = []): Tensor {
  checkKey("bits", key);
  checkShape("bits", shape);
  return bitsIn([key], shape);
}

/**
 * n uniform numbers in [0, 1): the 23 highest bits of 32, the 10 highest of the 16 lowest, or the 52 highest of both
 * words, as a fraction.
 */
export function fractionsOf(key: Tensor, n: number, dtype: DType): Tensor {
  if (dtype === "float16") return mul(cast(rightShift(bitwiseAnd(bitsOf(key, n), 0xffff), 6), dtype), 2 ** -10);
  if (dtype === "float32") return mul(cast(rightShift(bitsOf(key, n), 9), dtype), 2 ** -23);
  const [high, low] = wordsOf(key, n);
  return add(mul(cast(high, dtype), 2 ** -32), mul(cast(rightShift(low, 12), dtype), 2 ** -52));
}

/** As {@linkcode fractionsOf}, scaled to [min, max); rounding may go to either, and not beyond min. */
export function fractionsBetween(key: Tensor, n: number, dtype: DType, min: number, max: number): Tensor {
  return maximum(add(mul(fractionsOf(key, n, dtype), toDType(max - min, dtype)), min), min);
}

/** Uniform from here on is uniform on (−1, 1). */
export function leastAboveMinusOne(dtype: DType): number {
  return 2 ** -floatFormat(dtype).digits - 1;
}

const unitIn = derived(
  "uniform",
  ([key], { shape, dtype }: { readonly shape: Shape; readonly dtype: DType }) =>
    reshape(fractionsOf(key!, sizeOf(shape), dtype), shape),
);

const uniformIn = derived("uniform", ([key, min, max], shape: Shape) => {
  const [low, high] = [forEachDraw(min!, shape), forEachDraw(max!, shape)];
  // Rounding may go below the minimum.
  const x = maximum(low, add(mul(fractionsOf(key!, low.size, low.dtype), sub(high, low)), low));
  return reshape(x, shape);
});

/** What a distribution over floats takes: an element type for the draws. float16 has 1024 different probabilities. */
export interface FloatOptions {
  /** `"float32"` by default. */
  readonly dtype?: "float32" | "float64" | "float16" | undefined;
}

/** The interval and the element type of {@linkcode uniform}. */
export interface UniformOptions extends FloatOptions {
  /** The least value; 0 by default. A tensor is broadcast to the shape. */
  readonly min?: number | Tensor | undefined;
  /** The value to stay below; 1 by default. A tensor is broadcast to the shape. */
  readonly max?: number | Tensor | undefined;
}

/**
 * Draws uniformly from [min, max): `u32[2] → f32[…shape]`.
 *
 * A float32 is one of 2^23 values `k · 2^−23`, a float64 one of 2^52, a float16 one of 2^10, then scaled: `max(min, u · (max − min) + min)`.
 * Rounding may give `max` itself where the interval is not [0, 1). Differentiable in `min` and `max`.
 * The values are those of `jax.random.uniform`.
 *
 * @param shape Rank 0 by default.
 * @throws {RangeError} If the numbers min and max are not finite or in the wrong order.
 *
 * @example Between −1 and 1
 * ```ts
 * import { all, greaterEqual, less, logicalAnd, random } from "@pullback/pullback";
 * import { assert } from "@std/assert";
 *
 * const x = random.uniform(random.key(0), [1000], { min: -1, max: 1 });
 * assert(all(logicalAnd(greaterEqual(x, -1), less(x, 1))).item());
 * ```
 */
export function uniform(key: Tensor, shape: Shape = [], options: UniformOptions = {}): Tensor {
  checkKey("uniform", key);
  checkShape("uniform", shape);
  checkOptions("uniform", options, ["min", "max", "dtype"]);
  const { min = 0, max = 1 } = options;
  const dtype = floatType("uniform", options);
  if (min === 0 && max === 1) return unitIn([key], { shape, dtype });
  if (
    typeof min === "number" && typeof max === "number" && !(Number.isFinite(toDType(max - min, dtype)) && min <= max)
  ) {
    throw new RangeError(`uniform() needs finite numbers min <= max, got min ${min} and max ${max}`);
  }
  return uniformIn([
    key,
    parameter("uniform", "min", key, min, dtype, shape),
    parameter("uniform", "max", key, max, dtype, shape),
  ], shape);
}

/** The element type that options ask for. */
export function floatType(op: string, { dtype = "float32" }: { readonly dtype?: DType | undefined }): DType {
  if (!isDType(dtype) || !isFloat(dtype)) {
    throw new TypeError(`${op}() draws "float32", "float64" or "float16", got ${describe(dtype)}: cast() the result`);
  }
  return dtype;
}

/** A parameter of a distribution, as a tensor of `dtype` beside the key that broadcasts to the shape of the draws. */
export function parameter(
  op: string,
  name: string,
  key: Tensor,
  x: number | Tensor,
  dtype: DType,
  shape: Shape,
): Tensor {
  if (typeof x === "number") return constantOf(storable(op, x, dtype), dtype, [], key.device);
  if (!isTensor(x)) throw new TypeError(`${op}() takes ${name} as a number or a tensor, got ${describe(x)}`);
  const stretched = broadcastShapes(x.shape, shape);
  if (stretched === null || !sameShape(stretched, shape)) {
    throw new ShapeError(`${op}() cannot stretch ${name} ${typeString(x.type)} to the shape [${shape}] of the draws`);
  }
  return cast(x, dtype);
}
