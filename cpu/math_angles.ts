/**
 * Vector code for sin, cos and tan of float32: the angle less a multiple of π/2, in float64, so that results near the
 * zeros of sin and cos keep all their bits, and polynomials between −π/4 and π/4.
 */

import type { Local } from "./assembler.ts";
import type { Lanes } from "./lanes.ts";
import { oddPolynomial, signBit } from "./math.ts";

/** `sin r = r·(1 + r²·P(r²))` and `cos r = 1 − r²/2 + r⁴·P(r²)` for |r| ≤ π/4 (Cephes sinf and cosf). */
const sinTail = [-1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4];
const cosTail = [4.166664568298827e-2, -1.388731625493765e-3, 2.443315711809948e-5];

/** An angle as `k·π/2 + r` with |r| ≤ π/4; of k the lowest bits count. */
interface Angle {
  readonly k: Local;
  readonly r: Local;
}

/** Below this the product of k and the first part of π/2 is exact. */
const largestSmall = 2 ** 22;

function splitAngle(v: Lanes, x: Local): Angle {
  const result = joinHalves(v, splitSmall(v, x), splitSmall(v, v.upper(x)));
  const isSmall = v.op("f32x4.lt", v.op("f32x4.abs", x), v.float(largestSmall));
  v.f.get(isSmall).op("i32x4.all_true").op("i32.eqz").if(() => {
    const large = splitLarge(v, x);
    v.f.get(v.choose(isSmall, result.k, large.k)).set(result.k);
    v.f.get(v.choose(isSmall, result.r, large.r)).set(result.r);
  });
  return result;
}

function joinHalves(v: Lanes, low: Angle, high: Angle): Angle {
  return { k: v.shuffle(low.k, high.k, [0, 2, 4, 6]), r: v.narrow(low.r, high.r) };
}

/** Cody and Waite's reduction of the lower two, in double. */
function splitSmall(v: Lanes, x: Local): Angle {
  const wide = v.op("f64x2.promote_low_f32x4", x);
  const magic = v.double(1.5 * 2 ** 52);
  const shifted = v.op("f64x2.add", v.op("f64x2.mul", wide, v.double(2 / Math.PI)), magic);
  const k = v.op("f64x2.sub", shifted, magic);
  // π/2 in two parts; the first has 30 bits, so that its product with k is exact.
  const near = v.op("f64x2.sub", wide, v.op("f64x2.mul", k, v.double(1.570796325802803)));
  return { k: shifted, r: v.op("f64x2.sub", near, v.op("f64x2.mul", k, v.double(9.920935796805404e-10))) };
}

/** The first 32 bytes of 2/π = 0.A2F9836E… */
const twoOverPi = [
  [0x6e83f9a2, 0x2915444e, 0xd15727fc, 0xc0dd34f5],
  [0x999562db, 0x4190433c, 0xab6351fe, 0x61c5bbde],
] as const;

/**
 * Payne and Hanek's reduction. Of the bytes of 2/π those that lead to whole turns are left out; the next twelve, three
 * to a word, give four exact products. At 2^−30 from a multiple of π/2, nearer than any float32, 30 bits are left.
 */
function splitLarge(v: Lanes, x: Local): Angle {
  // With m the mantissa as an integer, 2^(8·skipped + shift + 2)·m is |x|, and the first byte of 2/π counts 2^−8.
  const exponent = v.op("i32x4.sub", v.shift("i32x4.shr_u", v.op("f32x4.abs", x), 23), v.word(127 + 23 + 2));
  const skipped = v.op("v128.and", v.shift("i32x4.shr_s", exponent, 3), v.word(0xff));
  const shift = v.op("v128.and", exponent, v.word(7));
  // m·2^(shift + 2 − 24): of the first word, the unit counts 2^−24.
  const scaled = v.op(
    "v128.or",
    v.op("v128.and", x, v.word(0x807fffff)),
    v.shift("i32x4.shl", v.op("i32x4.add", shift, v.word(127 + 23 + 2 - 24)), 23),
  );
  const skippedInEachByte = v.op("i32x4.mul", skipped, v.word(0x01010101));
  const words = [0, 3, 6, 9].map((byte) => {
    // The highest byte comes from beyond the table: it is 0.
    const places = v.word(0x80 << 24 | byte << 16 | (byte + 1) << 8 | byte + 2);
    const index = v.op("i8x16.add", skippedInEachByte, places);
    const further = v.op("i8x16.add", index, v.word(-0x0f0f0f10));
    return v.op(
      "v128.or",
      v.op("i8x16.swizzle", v.words(...twoOverPi[0]), index),
      v.op("i8x16.swizzle", v.words(...twoOverPi[1]), further),
    );
  });
  const upperWords = words.map((word) => v.upper(word));
  const angle = joinHalves(v, quarterTurns(v, scaled, words), quarterTurns(v, v.upper(scaled), upperWords));
  const nanIfInfinite = v.op("f32x4.sub", x, x);
  return { k: angle.k, r: v.op("f32x4.add", angle.r, nanIfInfinite) };
}

/** `m·(w₀ + w₁·2^−24 + w₂·2^−48 + w₃·2^−72)` without its multiples of 4, as an angle; of the lower two lanes. */
function quarterTurns(v: Lanes, m: Local, words: readonly Local[]): Angle {
  const wide = v.op("f64x2.promote_low_f32x4", m);
  const products = words.map((word, n) =>
    v.op("f64x2.mul", v.op("f64x2.mul", wide, v.double(2 ** (-24 * n))), v.op("f64x2.convert_low_i32x4_u", word))
  );
  const fours = v.double(1.5 * 2 ** 54);
  const [first, second] = products.slice(0, 2).map((product) =>
    v.op("f64x2.sub", product, v.op("f64x2.sub", v.op("f64x2.add", product, fours), fours))
  ) as [Local, Local];
  const sum = v.op("f64x2.add", first, second);
  const magic = v.double(1.5 * 2 ** 52);
  const shifted = v.op("f64x2.add", sum, magic);
  const rest = v.op("f64x2.sub", sum, v.op("f64x2.sub", shifted, magic));
  const turns = v.op("f64x2.add", rest, v.op("f64x2.add", products[2]!, products[3]!));
  return { k: shifted, r: v.op("f64x2.mul", turns, v.double(Math.PI / 2)) };
}

function sinAndCosNear0(v: Lanes, r: Local): { readonly sin: Local; readonly cos: Local } {
  const z = v.op("f32x4.mul", r, r);
  const tail = v.op("f32x4.mul", v.op("f32x4.mul", z, z), v.polynomial(z, cosTail));
  const cos = v.op("f32x4.add", v.multiplyAdd(z, v.float(-0.5), tail), v.float(1));
  return { sin: oddPolynomial(v, r, z, sinTail), cos };
}

function isOdd(v: Lanes, k: Local): Local {
  return v.shift("i32x4.shr_s", v.shift("i32x4.shl", k, 31), 31);
}

/** The sine of the angle `k` quarter turns further on than `r`. */
function sinOf(v: Lanes, { k, r }: Angle): Local {
  const { sin, cos } = sinAndCosNear0(v, r);
  const sign = v.op("v128.and", v.shift("i32x4.shl", k, 30), v.word(signBit));
  return v.op("v128.xor", v.choose(isOdd(v, k), cos, sin), sign);
}

/** 2 ULP. */
export function sin(v: Lanes, x: Local): Local {
  return sinOf(v, splitAngle(v, x));
}

/** 2 ULP. */
export function cos(v: Lanes, x: Local): Local {
  const { k, r } = splitAngle(v, x);
  return sinOf(v, { k: v.op("i32x4.add", k, v.word(1)), r });
}

/** 4 ULP. */
export function tan(v: Lanes, x: Local): Local {
  const { k, r } = splitAngle(v, x);
  const { sin, cos } = sinAndCosNear0(v, r);
  const odd = isOdd(v, k);
  const quotient = v.op("f32x4.div", v.choose(odd, cos, sin), v.choose(odd, sin, cos));
  return v.op("v128.xor", quotient, v.op("v128.and", odd, v.word(signBit)));
}
