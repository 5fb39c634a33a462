/** float16 as lanes of float32: a lane always holds a number that float16 has, and memory 16 bits of it. */

import type { Local } from "./assembler.ts";
import type { Lanes } from "./lanes.ts";

const signBit = -0x80000000;

/** What separates the two exponents' biases, 127 and 15, as a power of 2. */
const rebias = 112;

/** The 16 bits in each of four half words, the lowest of a vector, as float32. */
export function widenHalves(v: Lanes, halves: Local): Local {
  // Of the four bits that the sign was extended to, the highest is left.
  const bits = v.shift("i32x4.shl", v.op("i32x4.extend_low_i16x8_s", halves), 13);
  // A product makes subnormals normal, too.
  const finite = v.op("f32x4.mul", v.op("v128.and", bits, v.word(signBit | 0x0fffe000)), v.float(2 ** rebias));
  const special = v.op("f32x4.ge", v.op("f32x4.abs", finite), v.float(2 ** 16));
  return v.op("v128.or", finite, v.op("v128.and", special, v.float(Infinity)));
}

/** Floats that float16 has, or NaN, as 16 bits in each of the four lowest half words. */
export function narrowHalves(v: Lanes, x: Local): Local {
  const small = v.op("f32x4.mul", v.op("f32x4.abs", x), v.float(2 ** -rebias));
  // Of the exponent of ∞ and NaN as many bits are left as float16 has.
  const magnitude = v.op("v128.and", v.shift("i32x4.shr_u", small, 13), v.word(0x7fff));
  const sign = v.op("v128.and", v.shift("i32x4.shr_u", x, 16), v.word(0x8000));
  const words = v.op("v128.or", magnitude, sign);
  return v.op("i16x8.narrow_i32x4_u", words, words);
}

/** The nearest floats that float16 has, ties to even: ∞ from 65520 on, and multiples of 2^−24 below 2^−14. */
export function roundToHalf(v: Lanes, x: Local): Local {
  const magnitude = v.op("f32x4.abs", x);
  // Beside 2^13 times the power of 2 in x there is room for the bits to keep: the addition rounds.
  const power = v.op("v128.and", x, v.float(Infinity));
  const bounded = v.op("i32x4.min_s", v.op("i32x4.max_s", power, v.float(2 ** -14)), v.float(2 ** 16));
  const magic = v.op("i32x4.add", bounded, v.word(13 << 23));
  const rounded = v.op("f32x4.sub", v.op("f32x4.add", magnitude, magic), magic);
  const overflows = v.op("f32x4.ge", rounded, v.float(2 ** 16));
  const result = v.choose(overflows, v.float(Infinity), rounded);
  return v.op("v128.or", result, v.op("v128.and", x, v.word(signBit)));
}
