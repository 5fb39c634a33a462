/**
 * Vector code for exponentials, logarithms and hyperbolic functions of float32, four lanes at a time. Each states the
 * largest error that its test allows, in units in the last place (ULP) of the exact result, over all floats.
 */

import type { Local } from "./assembler.ts";
import type { Lanes } from "./lanes.ts";

/** `e^r = 1 + r + r²·P(r)` for |r| ≤ ln 2 / 2: the minimax polynomial, off by 3e-9 of e^r at most. */
const expTail = [4.999999343212e-1, 1.6666520399e-1, 4.1668390785e-2, 8.3687451075e-3, 1.3814540087e-3];
/** `log(1 + f) = f − f²/2 + f³·P(f)` for √½ − 1 ≤ f ≤ √2 − 1 (Cephes logf). */
// deno-fmt-ignore
const logTail = [
  3.3333331174e-1, -2.4999993993e-1, 2.0000714765e-1, -1.6668057665e-1, 1.4249322787e-1, -1.2420140846e-1,
  1.1676998740e-1, -1.1514610310e-1, 7.0376836292e-2,
];
/** `sinh x = x·(1 + x²·P(x²))` for |x| ≤ 1 (Cephes sinhf). */
const sinhTail = [1.66667160211e-1, 8.33028376239e-3, 2.03721912945e-4];

/** ln 2 and log10 2 in two parts; the first has few enough bits that its product with an exponent is exact. */
const ln2 = [0.693359375, -2.12194440e-4] as const;
const log10of2 = [0.30078125, 2.487456639811952e-4] as const;
export const signBit: number = -0x80000000;

/** A number as `2^n·e^r`: `bits` is n where the exponent of a float lies, `n` the same as a float. */
interface Split {
  readonly n: Local;
  readonly bits: Local;
  readonly r: Local;
}

/** Rounds by adding a number so large that its last bit counts ones: the integer then lies in the low bits. */
function roundToInteger(v: Lanes, x: Local, scale: number): { readonly n: Local; readonly bits: Local } {
  const magic = v.float(12582912); // 1.5·2^23
  const shifted = v.multiplyAdd(x, v.float(scale), magic);
  return { n: v.op("f32x4.sub", shifted, magic), bits: v.shift("i32x4.shl", shifted, 23) };
}

function splitExp(v: Lanes, x: Local): Split {
  const { n, bits } = roundToInteger(v, x, Math.LOG2E);
  const r = v.multiplyAdd(n, v.float(-ln2[1]), v.multiplyAdd(n, v.float(-ln2[0]), x));
  return { n, bits, r };
}

/** `e^r − 1` for |r| ≤ ln 2 / 2. */
function expm1Near0(v: Lanes, r: Local): Local {
  return v.multiplyAdd(v.op("f32x4.mul", r, r), v.polynomial(r, expTail), r);
}

/** `2^n` for n in −126 … 127. */
function powerOf2(v: Lanes, bits: Local): Local {
  return v.op("i32x4.add", bits, v.float(1));
}

/** `x·2^n` for n in −252 … 254, in two steps so that neither factor overflows and only the last one rounds. */
function scale(v: Lanes, x: Local, bits: Local): Local {
  const half = v.op("v128.and", v.shift("i32x4.shr_s", bits, 1), v.word(-1 << 23));
  const once = v.op("f32x4.mul", x, powerOf2(v, half));
  return v.op("f32x4.mul", once, powerOf2(v, v.op("i32x4.sub", bits, half)));
}

/** Keeps NaN, which `pmin` and `pmax` return if it is their first argument. */
function clamp(v: Lanes, x: Local, low: number, high: number): Local {
  return v.op("f32x4.pmin", v.op("f32x4.pmax", x, v.float(low)), v.float(high));
}

/** `e^x / 2^halvings`, which reaches a little further than e^x itself. */
function scaledExp(v: Lanes, x: Local, halvings: number): Local {
  // Beyond these bounds the result is 0 or ∞ either way.
  const { bits, r } = splitExp(v, clamp(v, x, -105, 91));
  const exponent = halvings === 0 ? bits : v.op("i32x4.sub", bits, v.word(halvings << 23));
  return scale(v, v.op("f32x4.add", expm1Near0(v, r), v.float(1)), exponent);
}

/** Up to this the exponent of `e^x` can be added to, and that of `e^−x` subtracted from. */
const ordinaryExponent = 87;

/** 2 ULP. */
export function exp(v: Lanes, x: Local): Local {
  const { bits, r } = splitExp(v, x);
  const result = v.op("i32x4.add", v.op("f32x4.add", expm1Near0(v, r), v.float(1)), bits);
  const ordinary = v.op("f32x4.lt", v.op("f32x4.abs", x), v.float(ordinaryExponent));
  // Vectors with a very large or small result, ∞ or NaN take longer.
  v.f.get(ordinary).op("i32x4.bitmask").i32(15).op("i32.ne").if(() => {
    v.scope(() => v.f.get(scaledExp(v, x, 0)).set(result));
  });
  return result;
}

/** 2 ULP; exact for integers. */
export function exp2(v: Lanes, x: Local): Local {
  const inside = clamp(v, x, -151, 129);
  const { n, bits } = roundToInteger(v, inside, 1);
  const r = v.op("f32x4.mul", v.op("f32x4.sub", inside, n), v.float(Math.LN2));
  return scale(v, v.op("f32x4.add", expm1Near0(v, r), v.float(1)), bits);
}

/** 2 ULP. */
export function expm1(v: Lanes, x: Local): Local {
  const { bits, r } = splitExp(v, clamp(v, x, -20, 89));
  // 2^n·(e^r − 1) + 2^n − 1 at half its size, for n may be 128.
  const half = powerOf2(v, v.op("i32x4.sub", bits, v.word(1 << 23)));
  const halfResult = v.multiplyAdd(expm1Near0(v, r), half, v.op("f32x4.sub", half, v.float(0.5)));
  return keepTiny(v, x, v.op("f32x4.add", halfResult, halfResult));
}

/** Where |x| is so small that `f(x) = x`, x itself, with its sign if it is 0 and its last bit if it is subnormal. */
function keepTiny(v: Lanes, x: Local, result: Local): Local {
  return v.choose(v.op("f32x4.lt", v.op("f32x4.abs", x), v.float(2 ** -26)), x, result);
}

function copySign(v: Lanes, magnitude: Local, x: Local): Local {
  return v.op("v128.or", magnitude, v.op("v128.and", x, v.word(signBit)));
}

/** 3 ULP. With t = e^(−2|x|) − 1, `tanh |x| = −t / (t + 2)`, where nothing cancels. */
export function tanh(v: Lanes, x: Local): Local {
  const doubled = v.op("f32x4.mul", v.op("f32x4.abs", x), v.float(-2));
  const { bits, r } = splitExp(v, v.op("f32x4.pmax", doubled, v.float(-20)));
  const power = powerOf2(v, bits);
  const t = v.multiplyAdd(expm1Near0(v, r), power, v.op("f32x4.sub", power, v.float(1)));
  const magnitude = v.op("f32x4.div", t, v.op("f32x4.sub", v.float(-2), t));
  return copySign(v, v.op("f32x4.abs", magnitude), x);
}

/** 2 ULP. */
export function cosh(v: Lanes, x: Local): Local {
  const half = scaledExp(v, v.op("f32x4.abs", x), 1);
  return v.op("f32x4.add", half, v.op("f32x4.div", v.float(0.25), half));
}

/** 3 ULP. */
export function sinh(v: Lanes, x: Local): Local {
  const magnitude = v.op("f32x4.abs", x);
  const half = scaledExp(v, magnitude, 1);
  const large = v.op("f32x4.sub", half, v.op("f32x4.div", v.float(0.25), half));
  return v.choose(
    v.op("f32x4.lt", magnitude, v.float(1)),
    oddPolynomial(v, x, v.op("f32x4.mul", x, x), sinhTail),
    copySign(v, large, x),
  );
}

/** `x + x·z·P(z)`, where the first term alone is large, with the sign of x, which −0 would lose. */
export function oddPolynomial(v: Lanes, x: Local, z: Local, tail: readonly number[]): Local {
  return copySign(v, v.multiplyAdd(x, v.op("f32x4.mul", z, v.polynomial(z, tail)), x), x);
}

/** A positive number as `2^n·(1 + f)` with √½ ≤ 1 + f < √2, and what logarithms share of f. */
interface SplitLog {
  readonly n: Local;
  readonly f: Local;
  /** `log(1 + f) − f` */
  readonly tail: Local;
}

function splitLog(v: Lanes, x: Local): SplitLog {
  const subnormal = v.op("f32x4.lt", x, v.float(2 ** -126));
  const normal = v.choose(subnormal, v.op("f32x4.mul", x, v.float(2 ** 23)), x);
  const exponent = v.shift("i32x4.shr_s", v.op("i32x4.sub", normal, v.float(Math.SQRT1_2)), 23);
  const mantissa = v.op("i32x4.sub", normal, v.shift("i32x4.shl", exponent, 23));
  const n = v.op(
    "f32x4.sub",
    v.op("f32x4.convert_i32x4_s", exponent),
    v.op("v128.and", subnormal, v.float(23)),
  );
  const f = v.op("f32x4.sub", mantissa, v.float(1));
  const square = v.op("f32x4.mul", f, f);
  const cubed = v.op("f32x4.mul", v.op("f32x4.mul", f, square), v.polynomial(f, logTail));
  return { n, f, tail: v.multiplyAdd(square, v.float(-0.5), cubed) };
}

/** The logarithm of 0, ∞, NaN and negative numbers; `result` for the others. */
function logOfAny(v: Lanes, x: Local, result: Local): Local {
  const zero = v.float(0);
  const infinity = v.float(Infinity);
  const ordinary = v.op("v128.and", v.op("f32x4.lt", zero, x), v.op("f32x4.lt", x, infinity));
  // A mask of ones is a NaN.
  const infiniteOrNaN = v.op("v128.or", x, v.op("f32x4.lt", x, zero));
  const special = v.choose(v.op("f32x4.eq", x, zero), v.float(-Infinity), infiniteOrNaN);
  return v.choose(ordinary, result, special);
}

/** `n·ln 2 + log(1 + f) + correction` */
function joinLog(v: Lanes, { n, f, tail }: SplitLog, correction?: Local): Local {
  const small = v.multiplyAdd(n, v.float(ln2[1]), correction ? v.op("f32x4.add", tail, correction) : tail);
  return v.multiplyAdd(n, v.float(ln2[0]), v.op("f32x4.add", f, small));
}

/** 2 ULP. */
export function log(v: Lanes, x: Local): Local {
  return logOfAny(v, x, joinLog(v, splitLog(v, x)));
}

/** 2 ULP; exact for powers of 2. */
export function log2(v: Lanes, x: Local): Local {
  const { n, f, tail } = splitLog(v, x);
  return logOfAny(v, x, v.multiplyAdd(v.op("f32x4.add", f, tail), v.float(Math.LOG2E), n));
}

/** 3 ULP. */
export function log10(v: Lanes, x: Local): Local {
  const { n, f, tail } = splitLog(v, x);
  const small = v.multiplyAdd(
    v.op("f32x4.add", f, tail),
    v.float(Math.LOG10E),
    v.op("f32x4.mul", n, v.float(log10of2[1])),
  );
  return logOfAny(v, x, v.multiplyAdd(n, v.float(log10of2[0]), small));
}

/** 3 ULP. The logarithm of `u = 1 + x` as rounded, and to first order what the rounding lost. */
export function log1p(v: Lanes, x: Local): Local {
  const one = v.float(1);
  const u = v.op("f32x4.add", x, one);
  const lost = v.op("f32x4.sub", x, v.op("f32x4.sub", u, one));
  const result = joinLog(v, splitLog(v, u), v.op("f32x4.div", lost, u));
  return keepTiny(v, x, logOfAny(v, u, result));
}
