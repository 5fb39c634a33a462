/** Random integers, and random orders. */

import { checkOptions } from "../arguments.ts";
import { iota } from "../create.ts";
import { derived } from "../derived.ts";
import { kindOf } from "../dtype.ts";
import { add, mod, mul, sub } from "../arithmetic.ts";
import { cast } from "../cast.ts";
import { lessEqual, where } from "../logic.ts";
import { describe, ShapeError } from "../errors.ts";
import { take } from "../indexing.ts";
import { argsort } from "../sorting.ts";
import { reshape } from "../movement.ts";
import { checkShape, type Shape, typeString } from "../shape.ts";
import { isTensor, type Tensor } from "../tensor.ts";
import { split } from "./key.ts";
import { bitsOf, checkKey, forEachDraw } from "./threefry.ts";
import { parameter } from "./uniform.ts";

const randintIn = derived("randint", ([key, minval, maxval], shape: Shape) => {
  const [low, high] = [forEachDraw(minval!, shape), forEachDraw(maxval!, shape)];
  const [highKey, lowKey] = split(key!);
  const span = where(lessEqual(high, low), 1, cast(sub(high, low), "uint32"));
  // (h · 2^32 + l) mod span from two words, in 32 bits. Where span exceeds 2^16 the square wraps to 0 and leaves l mod
  // span alone, as in JAX.
  const root = mod(2 ** 16, span);
  const multiplier = mod(mul(root, root), span);
  const [h, l] = [highKey, lowKey].map((key) => mod(bitsOf(key, span.size), span)) as [Tensor, Tensor];
  const offset = mod(add(mul(h, multiplier), l), span);
  return reshape(add(low, cast(offset, "int32")), shape);
});

/** The range of {@linkcode randint}. */
export interface RandintOptions {
  /** The least value. A tensor is broadcast to the shape. */
  readonly minval: number | Tensor;
  /** The value to stay below. A tensor is broadcast to the shape. */
  readonly maxval: number | Tensor;
}

/**
 * Draws integers from minval … maxval − 1 uniformly: `u32[2] → i32[…shape]`.
 *
 * The values are those of `jax.random.randint`, with a bias below span / 2^32. Where tensors have minval ≥ maxval the
 * result is minval.
 *
 * @throws {TypeError} If a bound is not an integer.
 * @throws {RangeError} If the numbers minval and maxval are not int32 or minval ≥ maxval.
 *
 * @example Ten throws of a die
 * ```ts
 * import { random } from "@pullback/pullback";
 * import { assert } from "@std/assert";
 *
 * const throws = random.randint(random.key(0), [10], { minval: 1, maxval: 7 }).dataSync();
 * assert(throws.every((eyes) => eyes >= 1 && eyes <= 6));
 * ```
 */
export function randint(key: Tensor, shape: Shape, options: RandintOptions): Tensor {
  checkKey("randint", key);
  checkShape("randint", shape);
  checkOptions("randint", options, ["minval", "maxval"]);
  const { minval, maxval } = options;
  const [low, high] = [bound("minval", key, minval, shape), bound("maxval", key, maxval, shape)];
  if (typeof minval === "number" && typeof maxval === "number" && minval >= maxval) {
    throw new RangeError(`randint() needs minval < maxval, got minval ${minval} and maxval ${maxval}`);
  }
  return randintIn([key, low, high], shape);
}

function bound(name: string, key: Tensor, x: number | Tensor, shape: Shape): Tensor {
  if (isTensor(x) ? kindOf(x.dtype) !== "integer" : !Number.isInteger(x)) {
    throw new TypeError(`randint() takes ${name} as an integer, got ${isTensor(x) ? typeString(x.type) : describe(x)}`);
  }
  if (typeof x === "number" && x !== (x | 0)) throw new RangeError(`randint() takes ${name} in int32, got ${x}`);
  return parameter("randint", name, key, x, "int32", shape);
}

const orderOf = derived("permutation", ([key], n: number) => {
  let order = iota([n], 0, key!.device);
  let next = key!;
  // One sort by random keys leaves elements with equal keys in their old order; with this many rounds that hardly ever
  // shows (jax._src.random._shuffle).
  const rounds = Math.ceil(3 * Math.log(Math.max(1, n)) / Math.log(2 ** 32 - 1));
  for (let i = 0; i < rounds; i++) {
    const [rest, own] = split(next);
    order = take(order, argsort(bitsOf(own, n)));
    next = rest;
  }
  return order;
});

/**
 * Puts 0 … n − 1, or the rows of a tensor, in random order: `u32[2] → i32[n]`, `u32[2], f32[n,…s] → f32[n,…s]`.
 *
 * Every order is equally likely, and it is that of `jax.random.permutation`. Differentiable in the tensor.
 *
 * @param x How many, or a tensor of one axis or more, of which the first is permuted.
 * @throws {RangeError} If x is a negative number or one with a fraction, or a tensor of rank 0.
 *
 * @example A shuffled deck
 * ```ts
 * import { random, sort } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const deck = random.permutation(random.key(0), 5);
 * assertEquals(sort(deck).arraySync(), [0, 1, 2, 3, 4]);
 * ```
 */
export function permutation(key: Tensor, x: number | Tensor): Tensor {
  checkKey("permutation", key);
  if (isTensor(x)) {
    if (x.ndim === 0) throw new ShapeError(`permutation() needs an axis to permute, got ${typeString(x.type)}`);
    return take(x, orderOf([key], x.shape[0]!), { axis: 0 });
  }
  if (!Number.isInteger(x) || x < 0) {
    throw new RangeError(`permutation() takes a non-negative integer or a tensor, got ${describe(x)}`);
  }
  return orderOf([key], x);
}
