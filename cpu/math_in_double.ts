/**
 * Vector code for functions of float32 that are computed in double: what is rounded to float32 at the end is within a
 * few 10⁻⁹ of the exact result, over all floats, so that each is within 1 unit in the last place.
 *
 * The polynomials and quotients without another source were fitted to float64 values of the functions (of mpmath and
 * SciPy) for the least largest relative error, which is stated: by least squares on 800 to 4000 Chebyshev points,
 * repeated with every point's weight multiplied by its error (Lawson), and for quotients by the last denominator
 * (Sanathanan and Koerner).
 */

import type { Local } from "./assembler.ts";
import type { Lanes } from "./lanes.ts";
import { signBit } from "./math.ts";

/** `2^f` for |f| ≤ ½; 1.9·10⁻⁹. */
// deno-fmt-ignore
const exp2Terms = [
  1.00000000055, 0.693147205737, 0.240226468906, 0.0555032877697, 0.00961848895901, 0.00133999312164, 0.000153458115018,
];
/** `log₂(m) = s·P(s²)` with s = (m − 1) / (m + 1), for √½ ≤ m < √2; 4·10⁻¹². */
const log2Terms = [2.88539008179, 0.96179667335, 0.577083583275, 0.411672826786, 0.340728007433];
/** `atan t = t + t·z·P(z)` with z = t², for 0 ≤ t ≤ 1; 4·10⁻¹⁰. */
// deno-fmt-ignore
const atanTail = [
  -0.333333268995, 0.199996711218, -0.142798330383, 0.110582236051, -0.0881109112364, 0.0674159664103, -0.0446899355423,
  0.0225398622914, -0.0073179544743, 0.00111378837299,
];
/** `erf x = x·P(x²) / Q(x²)` for |x| ≤ 4; 2·10⁻⁹. */
// deno-fmt-ignore
const erfQuotient = [
  [
    1.128379169378, 0.1852030653653, 0.05431690129416, 0.003849606511964, 0.0003796091612744, 4.684789403922e-6,
    -1.320228292366e-8,
  ],
  [1, 0.49746535706, 0.1139583609559, 0.015462080791, 0.001307569237346, 6.311068953971e-5],
] as const;
/** `erfc x = e^(−x²)·P(1 / (1 + 0.4x))` for 0 ≤ x ≤ 10.2; 1.8·10⁻⁹. */
// deno-fmt-ignore
const erfcTerms = [
  -8.43293487798e-6, 0.22590466082, 0.22294093422, 0.226598806147, 0.0867608650511, 0.376434832157, -0.4546925161,
  0.731931358653, -0.625982123928, 0.248475928296, -0.0383643105402,
];
/** `erfinv x = x·P(w) / Q(w)` with w = −log(1 − x²), which is below 16.7 for |x| < 1; 1.9·10⁻⁹. */
// deno-fmt-ignore
const erfinvQuotient = [
  [
    0.8862269238041, 0.3130275533261, 0.06269787550547, 0.008474299086045, 0.0007481285967893, 3.569932596229e-5,
    8.801176086899e-8,
  ],
  [1, 0.09141432630237, 0.03378299036442, 0.002160943096276, 0.0002239620700567, 2.877532359502e-6],
] as const;

/** A function of pairs of doubles, for the four lanes. */
export function inDouble(v: Lanes, xs: readonly Local[], f: (...wide: Local[]) => Local): Local {
  const [low, high] = [xs, xs.map((x) => v.upper(x))].map((half) =>
    f(...half.map((x) => v.op("f64x2.promote_low_f32x4", x)))
  );
  return v.narrow(low!, high!);
}

export function quotient(v: Lanes, x: Local, [p, q]: readonly [readonly number[], readonly number[]]): Local {
  return v.op("f64x2.div", v.polynomialOfDoubles(x, p), v.polynomialOfDoubles(x, q));
}

function copySign(v: Lanes, magnitude: Local, x: Local): Local {
  const sign = v.double(-0);
  return v.op("v128.or", v.op("v128.andnot", magnitude, sign), v.op("v128.and", x, sign));
}

function oneMinus(v: Lanes, x: Local): Local {
  return v.op("f64x2.sub", v.double(1), x);
}

function onePlus(v: Lanes, x: Local): Local {
  return v.op("f64x2.add", v.double(1), x);
}

/** `(1 − x)·(1 + x)` */
function oneMinusSquare(v: Lanes, x: Local): Local {
  return v.op("f64x2.mul", oneMinus(v, x), onePlus(v, x));
}

/** `2^x`; beyond ±200, where float32 has 0 or ∞, `2^±200`. */
function exp2(v: Lanes, x: Local): Local {
  const bounded = v.op("f64x2.pmin", v.op("f64x2.pmax", x, v.double(-200)), v.double(200));
  const magic = v.double(1.5 * 2 ** 52);
  const shifted = v.op("f64x2.add", bounded, magic);
  const f = v.op("f64x2.sub", bounded, v.op("f64x2.sub", shifted, magic));
  return v.op("i64x2.add", v.polynomialOfDoubles(f, exp2Terms), v.shift("i64x2.shl", shifted, 52));
}

/** Not of subnormal doubles. */
function log2(v: Lanes, x: Local): Local {
  const magic = v.double(1.5 * 2 ** 52);
  const exponent = v.shift("i64x2.shr_s", v.op("i64x2.sub", x, v.double(Math.SQRT1_2)), 52);
  const mantissa = v.op("i64x2.sub", x, v.shift("i64x2.shl", exponent, 52));
  const n = v.op("f64x2.sub", v.op("i64x2.add", exponent, magic), magic);
  const s = v.op("f64x2.div", v.op("f64x2.sub", mantissa, v.double(1)), onePlus(v, mantissa));
  const series = v.polynomialOfDoubles(v.op("f64x2.mul", s, s), log2Terms);
  const [zero, infinity] = [v.double(0), v.double(Infinity)];
  const ordinary = v.op("v128.and", v.op("f64x2.lt", zero, x), v.op("f64x2.lt", x, infinity));
  // A mask of ones is a NaN.
  const infiniteOrNaN = v.op("v128.or", x, v.op("f64x2.lt", x, zero));
  const special = v.choose(v.op("f64x2.eq", x, zero), v.double(-Infinity), infiniteOrNaN);
  return v.choose(ordinary, v.multiplyAddDoubles(s, series, n), special);
}

export function log(v: Lanes, x: Local): Local {
  return v.op("f64x2.mul", log2(v, x), v.double(Math.LN2));
}

/** 1 ULP. C's pow. */
export function pow(v: Lanes, x: Local, y: Local): Local {
  const [zero, one] = [v.float(0), v.float(1)];
  const magnitude = v.op("f32x4.abs", x);
  const power = inDouble(v, [magnitude, y], (x, y) => exp2(v, v.op("f64x2.mul", y, log2(v, x))));
  const half = v.op("f32x4.mul", y, v.float(0.5));
  const whole = v.op("f32x4.eq", v.op("f32x4.nearest", y), y);
  const odd = v.op("v128.and", whole, v.op("f32x4.ne", v.op("f32x4.nearest", half), half));
  const sign = v.op("v128.and", v.op("v128.and", x, odd), v.word(signBit));
  const signed = v.op("v128.or", v.choose(v.op("f32x4.eq", magnitude, one), one, power), sign);
  // A fractional power of a negative number is not a number, but 0 and ∞ have lost their sign anyway.
  const negative = v.op("v128.and", v.op("f32x4.lt", x, zero), v.op("f32x4.lt", v.float(-Infinity), x));
  const undefinedHere = v.op("v128.andnot", negative, whole);
  const unordered = v.op("v128.or", v.op("f32x4.ne", x, x), v.op("f32x4.ne", y, y));
  const result = v.op("v128.or", signed, v.op("v128.or", undefinedHere, unordered));
  return v.choose(v.op("v128.or", v.op("f32x4.eq", x, one), v.op("f32x4.eq", y, zero)), one, result);
}

/** 1 ULP. */
export function cbrt(v: Lanes, x: Local): Local {
  return inDouble(v, [x], (x) => {
    const magnitude = v.op("f64x2.abs", x);
    // A third of the upper word, exponent and mantissa, is within 5 % (Kahan).
    const third = v.op("f32x4.mul", v.op("f32x4.convert_i32x4_s", magnitude), v.float(1 / 3));
    const word = v.op("i32x4.add", v.op("i32x4.trunc_sat_f32x4_s", third), v.word(715094163));
    const start = v.op("v128.and", word, v.words(0, -1, 0, -1));
    // Halley's iteration leaves two thirds of the error's cube.
    const root = [1, 2].reduce((t) => {
      const cube = v.op("f64x2.mul", v.op("f64x2.mul", t, t), t);
      const [twoCubes, twice] = [v.op("f64x2.add", cube, cube), v.op("f64x2.add", magnitude, magnitude)];
      const ratio = v.op("f64x2.div", v.op("f64x2.add", cube, twice), v.op("f64x2.add", twoCubes, magnitude));
      return v.op("f64x2.mul", t, ratio);
    }, start);
    const zeroOrInfinite = v.op("f64x2.eq", v.op("f64x2.add", x, x), x);
    return v.choose(zeroOrInfinite, x, copySign(v, root, x));
  });
}

/** 1 ULP. */
export function erf(v: Lanes, x: Local): Local {
  return inDouble(v, [x], (x) => {
    const inside = v.op("f64x2.pmin", v.op("f64x2.pmax", x, v.double(-4)), v.double(4));
    return v.op("f64x2.mul", inside, quotient(v, v.op("f64x2.mul", inside, inside), erfQuotient));
  });
}

/** 1 ULP. */
export function erfc(v: Lanes, x: Local): Local {
  return inDouble(v, [x], (x) => {
    const magnitude = v.op("f64x2.pmin", v.op("f64x2.abs", x), v.double(10.2));
    const t = v.op("f64x2.div", v.double(1), v.multiplyAddDoubles(magnitude, v.double(0.4), v.double(1)));
    const exponent = v.op("f64x2.mul", v.op("f64x2.mul", magnitude, magnitude), v.double(-Math.LOG2E));
    const result = v.op("f64x2.mul", exp2(v, exponent), v.polynomialOfDoubles(t, erfcTerms));
    return v.choose(v.op("f64x2.lt", x, v.double(0)), v.op("f64x2.sub", v.double(2), result), result);
  });
}

/** 1 ULP. */
export function erfinv(v: Lanes, x: Local): Local {
  return inDouble(v, [x], (x) => {
    const w = v.op("f64x2.neg", log(v, oneMinusSquare(v, x)));
    const inside = v.op("f64x2.mul", x, quotient(v, w, erfinvQuotient));
    const atEdge = v.op("f64x2.eq", v.op("f64x2.abs", x), v.double(1));
    return v.choose(atEdge, v.op("f64x2.mul", x, v.double(Infinity)), inside);
  });
}

function atan2OfDoubles(v: Lanes, y: Local, x: Local): Local {
  // Quotients by 2^500 are 0 in float32, and 0 / 2^−500 and 2^500 / 2^500 are numbers.
  const [a, b] = [y, x].map((z) => v.op("f64x2.pmin", v.op("f64x2.abs", z), v.double(2 ** 500))) as [Local, Local];
  const steep = v.op("f64x2.lt", b, a);
  const larger = v.op("f64x2.pmax", v.choose(steep, a, b), v.double(2 ** -500));
  const t = v.op("f64x2.div", v.choose(steep, b, a), larger);
  const z = v.op("f64x2.mul", t, t);
  const flat = v.multiplyAddDoubles(v.op("f64x2.mul", t, z), v.polynomialOfDoubles(z, atanTail), t);
  const right = v.choose(steep, v.op("f64x2.sub", v.double(Math.PI / 2), flat), flat);
  const behind = v.shift("i64x2.shr_s", x, 63);
  return copySign(v, v.choose(behind, v.op("f64x2.sub", v.double(Math.PI), right), right), y);
}

/** 1 ULP. */
export function atan2(v: Lanes, y: Local, x: Local): Local {
  return inDouble(v, [y, x], (y, x) => atan2OfDoubles(v, y, x));
}

/** 1 ULP. */
export function atan(v: Lanes, x: Local): Local {
  return inDouble(v, [x], (x) => atan2OfDoubles(v, x, v.double(1)));
}

/** 1 ULP. */
export function asin(v: Lanes, x: Local): Local {
  return inDouble(v, [x], (x) => atan2OfDoubles(v, x, v.op("f64x2.sqrt", oneMinusSquare(v, x))));
}

/** 1 ULP. */
export function acos(v: Lanes, x: Local): Local {
  return inDouble(v, [x], (x) => atan2OfDoubles(v, v.op("f64x2.sqrt", oneMinusSquare(v, x)), x));
}

/** x itself where `f(x) = x·(1 + O(x²))` differs from it by less than 10⁻¹⁰ but its logarithm has lost digits. */
function keepSmall(v: Lanes, x: Local, result: Local): Local {
  return v.choose(v.op("f64x2.lt", v.op("f64x2.abs", x), v.double(2 ** -16)), x, result);
}

/** 1 ULP. `log(|x| + √(x² + 1))` with the sign of x. */
export function asinh(v: Lanes, x: Local): Local {
  return inDouble(v, [x], (x) => {
    const root = v.op("f64x2.sqrt", v.multiplyAddDoubles(x, x, v.double(1)));
    const magnitude = log(v, v.op("f64x2.add", v.op("f64x2.abs", x), root));
    return keepSmall(v, x, copySign(v, magnitude, x));
  });
}

/** 1 ULP. `log(x + √(x − 1)·√(x + 1))`, of which one root is not a number if x is below 1. */
export function acosh(v: Lanes, x: Local): Local {
  return inDouble(v, [x], (x) => {
    const [below, above] = [v.op("f64x2.sub", x, v.double(1)), onePlus(v, x)];
    return log(v, v.multiplyAddDoubles(v.op("f64x2.sqrt", below), v.op("f64x2.sqrt", above), x));
  });
}

/** 1 ULP. `½·log((1 + x) / (1 − x))` */
export function atanh(v: Lanes, x: Local): Local {
  return inDouble(v, [x], (x) => {
    const twice = log(v, v.op("f64x2.div", onePlus(v, x), oneMinus(v, x)));
    return keepSmall(v, x, v.op("f64x2.mul", twice, v.double(0.5)));
  });
}

/** Exact: C's fmod, by long division with digits of 28 bits, whose products with 24 bits of the divisor are exact. */
export function rem(v: Lanes, x: Local, y: Local): Local {
  return inDouble(v, [x, y], (x, y) => {
    const { f } = v;
    const rest = v.op("f64x2.abs", x);
    // The remainder by ∞ is x, as it is by any larger number.
    const divisor = v.op("f64x2.pmin", v.op("f64x2.abs", y), v.double(2 ** 200));
    const takeAway = (multiple: Local): void => {
      const digit = v.op("f64x2.trunc", v.op("f64x2.div", rest, multiple));
      f.get(v.op("f64x2.sub", rest, v.op("f64x2.mul", digit, multiple))).set(rest);
    };
    f.get(v.op("f64x2.ge", rest, v.op("f64x2.mul", divisor, v.double(2 ** 28)))).op("v128.any_true").if(() => {
      // A quotient of floats has less than 278 bits.
      const multiple = v.op("f64x2.mul", divisor, v.double(2 ** 252));
      f.loop(() => {
        takeAway(multiple);
        f.get(v.op("f64x2.mul", multiple, v.double(2 ** -28))).set(multiple);
        f.get(v.op("f64x2.lt", divisor, multiple)).op("v128.any_true").brIf(0);
      });
    });
    takeAway(divisor);
    return copySign(v, rest, x);
  });
}
