/**
 * What JAX draws, in plain numbers: `jax/_src/prng.py` and `jax/_src/random.py` written again for the tests, in both of
 * JAX's layouts. JAX's own tests publish values of the old one, which show that the rest is written right.
 */

import { erf, inverseErf } from "./erf.ts";

/** The two words of a key. */
export type Words = readonly [number, number];

/** Which counters are enciphered for which element: `jax_threefry_partitionable`, the default since JAX 0.5, or before. */
export type Layout = "partitionable" | "original";

/** `threefry2x32_p` */
export function threefry([k0, k1]: Words, [c0, c1]: Words): Words {
  const schedule = [k0, k1, k0 ^ k1 ^ 0x1bd11bda];
  let [x0, x1] = [c0 + k0 | 0, c1 + k1 | 0];
  for (let round = 0; round < 20; round++) {
    const distance = [13, 15, 26, 6, 17, 29, 16, 24][round % 8]!;
    x0 = x0 + x1 | 0;
    x1 = (x1 << distance | x1 >>> 32 - distance) ^ x0;
    if (round % 4 === 3) {
      const group = (round + 1) / 4;
      x0 = x0 + schedule[group % 3]! | 0;
      x1 = x1 + schedule[(group + 1) % 3]! + group | 0;
    }
  }
  return [x0 >>> 0, x1 >>> 0];
}

/** `threefry_2x32`: counters 0 … n − 1, the first half enciphered together with the second. */
function originalStream(key: Words, n: number): number[] {
  const half = Math.ceil(n / 2);
  const pairs = Array.from({ length: half }, (_, i) => threefry(key, [i, half + i < n ? half + i : 0]));
  return [...pairs.map(([x]) => x), ...pairs.map(([, y]) => y)].slice(0, n);
}

/** `threefry_split` */
export function split(layout: Layout, key: Words, n = 2): Words[] {
  if (layout === "partitionable") return Array.from({ length: n }, (_, i) => threefry(key, [0, i]));
  const stream = originalStream(key, 2 * n);
  return Array.from({ length: n }, (_, i) => [stream[2 * i]!, stream[2 * i + 1]!]);
}

/** `threefry_random_bits` at width 32 */
export function bits(layout: Layout, key: Words, n: number): number[] {
  if (layout === "original") return originalStream(key, n);
  return Array.from({ length: n }, (_, i) => {
    const [x, y] = threefry(key, [0, i]);
    return (x ^ y) >>> 0;
  });
}

/** `_uniform` in float32: the bits are the mantissa of a number in [1, 2), less 1. */
export function uniform(key: Words, n: number, min = 0, max = 1): number[] {
  const float = new Float32Array(1);
  const word = new Uint32Array(float.buffer);
  const { fround } = Math;
  const [low, width] = [fround(min), fround(fround(max) - fround(min))];
  return bits("partitionable", key, n).map((b) => {
    word[0] = b >>> 9 | 0x3f800000;
    return Math.max(low, fround(fround(fround(float[0]! - 1) * width) + low));
  });
}

/** `_uniform` in float64, from 64 bits. */
export function uniform64(key: Words, n: number): number[] {
  const float = new Float64Array(1);
  const word = new BigUint64Array(float.buffer);
  return Array.from({ length: n }, (_, i) => {
    const [high, low] = threefry(key, [0, i]);
    word[0] = (BigInt(high) << 32n | BigInt(low)) >> 12n | 0x3ff0000000000000n;
    return float[0]! - 1;
  });
}

/** `_randint` in int32 */
export function randint(layout: Layout, key: Words, n: number, minval: number, maxval: number): number[] {
  const [a, b] = split(layout, key) as [Words, Words];
  const [higher, lower] = [bits(layout, a, n), bits(layout, b, n)];
  const u32 = (x: bigint): bigint => BigInt.asUintN(32, x);
  const span = maxval <= minval ? 1n : u32(BigInt(maxval) - BigInt(minval));
  const root = 65536n % span;
  const multiplier = u32(root * root) % span;
  return higher.map((h, i) => {
    const offset = u32(u32(BigInt(h) % span * multiplier) + BigInt(lower[i]!) % span) % span;
    return Number(BigInt.asIntN(32, BigInt(minval) + offset));
  });
}

/** `_shuffle` of 0 … n − 1 */
export function permutation(layout: Layout, key: Words, n: number): number[] {
  let order = Array.from({ length: n }, (_, i) => i);
  const rounds = Math.ceil(3 * Math.log(Math.max(1, n)) / Math.log(4294967295));
  for (let round = 0; round < rounds; round++) {
    const [next, own] = split(layout, key) as [Words, Words];
    const sortKeys = bits(layout, own, n);
    order = order.map((x, i) => ({ x, by: sortKeys[i]! })).sort((a, b) => a.by - b.by).map(({ x }) => x);
    key = next;
  }
  return order;
}

/** `_gumbel` in mode "low", rounded where float32 rounds the uniform numbers alone. */
export function gumbel(key: Words, n: number): number[] {
  return uniform(key, n, 2 ** -126).map((u) => -Math.log(-Math.log(u)));
}

/** `_exponential` */
export function exponential(key: Words, n: number): number[] {
  return uniform(key, n).map((u) => -Math.log1p(-u));
}

/** `_laplace`, whose least number is −1 + `finfo.epsneg`. */
export function laplace(key: Words, n: number): number[] {
  return uniform(key, n, -1 + 2 ** -24).map((u) => Math.sign(u) * Math.log1p(-Math.abs(u)));
}

/** `_truncated_normal`, but for the last step to the next number inside the bounds. */
export function truncatedNormal(key: Words, n: number, lower: number, upper: number): number[] {
  const { fround, SQRT2 } = Math;
  const [a, b] = [erf(fround(lower) / SQRT2), erf(fround(upper) / SQRT2)];
  return uniform(key, n, a, b).map((u) => Math.min(upper, Math.max(lower, SQRT2 * inverseErf(u))));
}

/** `choice` of 0 … n − 1, where n is that or the number of probabilities. */
export function choice(key: Words, from: number | readonly number[], draws: number, replace: boolean): number[] {
  if (typeof from === "number") {
    if (replace) return randint("partitionable", key, draws, 0, from);
    return permutation("partitionable", key, from).slice(0, draws);
  }
  if (!replace) {
    const scores = gumbel(key, from.length).map((g, i) => g + Math.log(from[i]!));
    return scores.map((_, i) => i).sort((i, j) => scores[j]! - scores[i]!).slice(0, draws);
  }
  let total = 0;
  const ends = from.map((p) => total += p);
  return uniform(key, draws).map((u) => ends.findIndex((end) => end >= Math.fround(total * Math.fround(1 - u))));
}

/** `categorical` over the last axis: argmax of logits plus Gumbel noise from uniforms in [tiny, 1). */
export function categorical(key: Words, logits: readonly number[], draws: number): number[] {
  const u = uniform(key, draws * logits.length, 2 ** -126);
  return Array.from({ length: draws }, (_, i) => {
    const scores = logits.map((logit, k) => logit - Math.log(-Math.log(u[i * logits.length + k]!)));
    return scores.indexOf(Math.max(...scores));
  });
}
