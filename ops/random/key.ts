/** Keys: where they come from and how one becomes several. */

import { iota } from "../create.ts";
import { literal, tensor } from "../literal.ts";
import { derived } from "../derived.ts";
import { kindOf } from "../dtype.ts";
import { cast } from "../cast.ts";
import { equal, where } from "../logic.ts";
import { describe, ShapeError } from "../errors.ts";
import { broadcastTo, expandDims, reshape, slice } from "../movement.ts";
import { typeString } from "../shape.ts";
import { type Device, isTensor, type Tensor } from "../tensor.ts";
import { checkKey, threefry } from "./threefry.ts";

/** A tuple of N keys for a literal N up to 64, otherwise an array of them. */
export type Keys<N extends number, Made extends Tensor[] = []> = number extends N ? Tensor[]
  : Made["length"] extends N ? Made
  : Made["length"] extends 64 ? Tensor[]
  : Keys<N, [...Made, Tensor]>;

/**
 * Makes the key that everything random starts from.
 *
 * A key is an ordinary tensor `u32[2]` and stands for a stream of random numbers: the same key gives the same numbers,
 * on every device. Draw from a key once; {@linkcode split} it to draw again. Its words are the high and the low half of
 * the seed as 64 bits; of a negative seed only the low half, as two's complement, as JAX has it by default.
 *
 * @param seed An integer between −(2^53 − 1) and 2^53 − 1.
 * @throws {TypeError} If the seed is not such an integer.
 *
 * @example A key and its draws
 * ```ts
 * import { random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const key = random.key(42);
 * assertEquals(key.arraySync(), [0, 42]);
 * assertEquals(random.uniform(key, [3]).arraySync(), random.uniform(key, [3]).arraySync());
 * ```
 */
export function key(seed: number): Tensor {
  if (!Number.isSafeInteger(seed)) {
    throw new TypeError(`key() takes a seed that is an integer below 2^53, got ${describe(seed)}`);
  }
  return tensor(Uint32Array.of(seed < 0 ? 0 : seed / 2 ** 32, seed));
}

/** Each key is the cipher of a counter: `u32[2], u32[n] → u32[n,2]`. */
function keysAt(key: Tensor, counters: Tensor): Tensor {
  // Each word is computed for itself, so that one kernel makes both.
  const shape = [counters.size, 2];
  const [x0, x1] = threefry(key, 0, broadcastTo(expandDims(counters, 1), shape));
  return where(equal(iota(shape, 1, key.device), 0), x0, x1);
}

const keysOf = derived("keys", ([key], n: number) => keysAt(key!, cast(iota([n], 0, key!.device), "uint32")));
const keyOf = derived("foldIn", ([key, counter]) => reshape(keysAt(key!, counter!), [2]));

/**
 * Makes n keys of one, as a tensor to map over with `vmap`: `u32[2] → u32[n,2]`.
 *
 * Row i is what {@linkcode split} gives at i, and `foldIn(key, i)`.
 *
 * @throws {RangeError} If n is not a non-negative integer.
 *
 * @example One draw for each key
 * ```ts
 * import { random, type Tensor, vmap } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const noise = vmap((key: Tensor) => random.normal(key, [3]))(random.keys(random.key(0), 5));
 * assertEquals(noise.shape, [5, 3]);
 * ```
 */
export function keys(key: Tensor, n: number): Tensor {
  checkKey("keys", key);
  return table("keys", key, n);
}

function table(op: string, key: Tensor, n: number): Tensor {
  if (!Number.isInteger(n) || n < 0) {
    throw new RangeError(`${op}() makes a non-negative number of keys, got ${describe(n)}`);
  }
  return keysOf([key], n);
}

/**
 * Makes two keys of one: independent streams for two purposes. The given key should then not be used again.
 *
 * @example A key for now, a key for later
 * ```ts
 * import { random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const [now, later] = random.split(random.key(0));
 * assertEquals(now.arraySync(), [1797259609, 2579123966]);
 * assertEquals(later.arraySync(), [928981903, 3453687069]);
 * ```
 */
export function split(key: Tensor): [Tensor, Tensor];
/**
 * Makes n keys of one, as a tuple where n is a literal.
 *
 * @throws {RangeError} If n is not a non-negative integer.
 *
 * @example Three keys
 * ```ts
 * import { random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const [a, b, c] = random.split(random.key(0), 3);
 * assertEquals([a, b, c].map((key) => key.shape), [[2], [2], [2]]);
 * ```
 */
export function split<const N extends number>(key: Tensor, n: N): Keys<N>;
export function split(key: Tensor, n: number = 2): Tensor[] {
  checkKey("split", key);
  const all = table("split", key, n);
  return Array.from({ length: n }, (_, i) => reshape(slice(all, { start: [i], stop: [i + 1] }), [2]));
}

/**
 * Makes the key that belongs to a number: for the steps of a loop or the layers of a model, with no list of keys.
 *
 * `foldIn(key, i)` equals element i of `split(key, n)`.
 *
 * @param n An integer from 0 to 2^32 − 1, or a tensor of one: a negative int32 counts as its 32 bits.
 * @throws {TypeError} If n is not an integer.
 * @throws {RangeError} If n is out of range, or a tensor with axes.
 *
 * @example The key of a step
 * ```ts
 * import { random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const key = random.key(0);
 * assertEquals(random.foldIn(key, 1).arraySync(), random.split(key)[1].arraySync());
 * ```
 */
export function foldIn(key: Tensor, n: number | Tensor): Tensor {
  checkKey("foldIn", key);
  return keyOf([key, counterOf(n, key.device)], null);
}

/** `u32[1]` */
function counterOf(n: number | Tensor, device: Device): Tensor {
  if (isTensor(n)) {
    if (kindOf(n.dtype) !== "integer") throw new TypeError(`foldIn() takes an integer, got ${typeString(n.type)}`);
    if (n.ndim !== 0) {
      throw new ShapeError(`foldIn() takes one integer, got ${typeString(n.type)}: map over it with vmap()`);
    }
    return reshape(cast(n, "uint32"), [1]);
  }
  if (!Number.isInteger(n)) throw new TypeError(`foldIn() takes an integer, got ${describe(n)}`);
  if (n < 0 || n >= 2 ** 32) throw new RangeError(`foldIn() takes an integer from 0 to 2^32 - 1, got ${n}`);
  return literal(Uint32Array.of(n), {}, device);
}
