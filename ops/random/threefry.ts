/** The generator of random bits: Threefry-2x32 with twenty rounds, written in operations on uint32 tensors. */

import { iota } from "../create.ts";
import { add } from "../arithmetic.ts";
import { cast } from "../cast.ts";
import { bitwiseOr, bitwiseXor, leftShift, rightShift } from "../bits.ts";
import { describe, ShapeError } from "../errors.ts";
import { broadcastTo, reshape, slice } from "../movement.ts";
import { type Shape, typeString } from "../shape.ts";
import { isTensor, type Tensor, type TensorLike } from "../tensor.ts";

/** Throws unless `key` is one key. */
export function checkKey(op: string, key: unknown): asserts key is Tensor {
  if (!isTensor(key) || key.dtype !== "uint32") {
    const got = isTensor(key) ? typeString(key.type) : describe(key);
    throw new TypeError(`${op}() takes a key u32[2], got ${got}: make one with random.key()`);
  }
  if (key.ndim !== 1 || key.size !== 2) {
    const cure = key.ndim === 2 && key.shape[1] === 2
      ? "map over several keys with vmap()"
      : "make one with random.key()";
    throw new ShapeError(`${op}() takes a key u32[2], got ${typeString(key.type)}: ${cure}`);
  }
}

const rotations = [[13, 15, 26, 6], [17, 29, 16, 24]] as const;

/**
 * Enciphers counters under a key: `u32[2], u32[…s], u32[…s] → u32[…s], u32[…s]`, for s of rank 1 or more.
 *
 * Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011); the parameters are Random123's.
 */
export function threefry(key: Tensor, high: TensorLike, low: Tensor): readonly [Tensor, Tensor] {
  const [k0, k1] = [0, 1].map((i) => broadcastTo(slice(key, { start: [i], stop: [i + 1] }), low.shape)) as [
    Tensor,
    Tensor,
  ];
  const schedule = [k0, k1, bitwiseXor(bitwiseXor(k0, k1), 0x1bd11bda)];
  let [x0, x1] = [add(k0, high), add(k1, low)];
  for (let group = 1; group <= 5; group++) {
    for (const distance of rotations[(group - 1) % 2]!) {
      x0 = add(x0, x1);
      x1 = bitwiseXor(rotateLeft(x1, distance), x0);
    }
    x0 = add(x0, schedule[group % 3]!);
    x1 = add(x1, add(schedule[(group + 1) % 3]!, group));
  }
  return [x0, x1];
}

function rotateLeft(x: Tensor, distance: number): Tensor {
  return bitwiseOr(leftShift(x, distance), rightShift(x, 32 - distance));
}

/** Both words for each counter 0 … n − 1. Shapes hold fewer than 2^31 elements, so the high word of a counter is 0. */
export function wordsOf(key: Tensor, n: number): readonly [Tensor, Tensor] {
  return threefry(key, 0, cast(iota([n], 0, key.device), "uint32"));
}

/** Thirty-two random bits for each of n counters. */
export function bitsOf(key: Tensor, n: number): Tensor {
  return bitwiseXor(...wordsOf(key, n));
}

/** A parameter of a distribution for each draw, flat as the draws are until they are all computed. */
export function forEachDraw(x: Tensor, shape: Shape): Tensor {
  const stretched = broadcastTo(x, shape);
  return reshape(stretched, [stretched.size]);
}
