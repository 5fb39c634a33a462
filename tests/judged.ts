/** The elementwise functions whose errors are stated, where to look for them, and how large they are. */

import { elu, logSigmoid } from "../nn/activations.ts";
import { sigmoid, softplus } from "../ops/activation.ts";
import * as ops from "../ops/mod.ts";
import type { Tensor } from "../ops/tensor.ts";
import * as exact from "./precise.ts";
import { type Precise, precise } from "./precise.ts";
import { errorOf, preciseErrorOf, type ShortFloat } from "./ulp.ts";

type ShortArray = Float16Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/** A function, its largest errors in units in the last place of the result, and its arguments to try. */
export interface Judged {
  readonly name: string;
  readonly op: (...xs: readonly Tensor[]) => Tensor;
  readonly exact: (...xs: readonly Precise[]) => Precise;
  /** In float16 all are within 0.51. */
  readonly bounds: readonly [float32: number, float64: number];
  /** Near the roots among negative numbers, where the function is a difference, the last place of this counts. */
  readonly floor: (x: number) => number;
  /** Each argument for that many applications. */
  readonly sampled: (dtype: ShortFloat, count: number) => readonly ShortArray[];
  readonly sampled64: (count: number) => readonly Float64Array[];
}

interface Features {
  /** Where the function has roots, poles or the edge of its domain, besides 0. */
  readonly around?: readonly number[];
  /** The power of 2 beyond which it is trivial or goes on as before. */
  readonly reach?: number;
  readonly floor?: (x: number) => number;
}

function ofOne(
  name: string,
  op: (x: Tensor) => Tensor,
  exact: (x: Precise) => Precise,
  bounds: readonly [float32: number, float64: number],
  { around = [], reach = 4, floor = () => 0 }: Features = {},
): Judged {
  return {
    name,
    op: (x) => op(x!),
    exact: (x) => exact(x!),
    bounds,
    floor,
    sampled: (dtype, count) => [dtype === "float16" ? everyFloat16() : everyFloat32(count)],
    sampled64: (count) => [featured([0, ...around], reach, count)],
  };
}

function everyFloat16(): ShortArray {
  return new Float16Array(Uint16Array.from({ length: 2 ** 16 }, (_, i) => i).buffer);
}

/** float32 numbers spread evenly over all bit patterns; for odd counts no bit stays the same. */
function everyFloat32(count: number): ShortArray {
  const stride = Math.floor(2 ** 32 / count) | 1;
  return new Float32Array(Int32Array.from({ length: count }, (_, i) => i * stride).buffer);
}

/** The i-th of numbers between 0 and 1 that lie evenly, however many there are, for an irrational step. */
function fraction(i: number, step: number): number {
  return (i * step) % 1;
}

const goldenRatio = (Math.sqrt(5) - 1) / 2;

/** float64 numbers: a quarter spread evenly over all magnitudes of both signs, the others around some places. */
function featured(places: readonly number[], reach: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => {
    const sign = fraction(i, Math.SQRT2) < 0.5 ? -1 : 1;
    const u = fraction(i, goldenRatio);
    if (i % 4 === 0) return sign * anyMagnitude(u);
    // From 2^−54 on, more of them far than near.
    return places[i % places.length]! + sign * 2 ** (reach - (reach + 54) * u ** 2);
  });
}

/** A positive float64 by its place among all, which leaves its lowest bits to what rounding made of that. */
function anyMagnitude(u: number): number {
  // Infinity has the bits 0x7ff0 followed by zeros.
  return new Float64Array(BigUint64Array.of(BigInt(Math.floor(u * 0x7ff0_0000_0000_0000))).buffer)[0]!;
}

/** Bases of all magnitudes and close to 1, a third of them negative, and exponents that lead to all magnitudes. */
function powers(count: number, dtype: ShortFloat | "float64"): [Float64Array, Float64Array] {
  const { bits, lowest, highest, round } = {
    float16: { bits: 10, lowest: -24, highest: 16, round: Math.f16round },
    float32: { bits: 23, lowest: -149, highest: 128, round: Math.fround },
    float64: { bits: 52, lowest: -1074, highest: 1024, round: (x: number) => x },
  }[dtype];
  const [bases, exponents] = [new Float64Array(count), new Float64Array(count)];
  for (let i = 0; i < count; i++) {
    const u = fraction(i, goldenRatio);
    const nearOne = 1 + (fraction(i, Math.SQRT2) < 0.5 ? -1 : 1) * 2 ** (-0.6 - (bits - 1) * u);
    const base = i % 2 === 0 ? 2 ** (lowest + (highest - lowest) * u) : nearOne;
    const rounded = round(base);
    // A little beyond the smallest and the largest result.
    const exponent = (lowest - 8 + (highest - lowest + 16) * fraction(i, Math.sqrt(3))) / Math.log2(rounded);
    bases[i] = i % 3 === 0 ? -rounded : rounded;
    exponents[i] = i % 3 === 0 ? Math.round(exponent) : exponent;
  }
  return [bases, exponents];
}

/** Points in all directions and at all distances. */
function points(count: number, dtype: ShortFloat | "float64"): [Float64Array, Float64Array] {
  const [lowest, highest, spread] = {
    float16: [-24, 8, 16] as const,
    float32: [-149, 68, 120] as const,
    float64: [-1074, 964, 120] as const,
  }[dtype];
  const signed = (i: number, step: number): number => (fraction(i, step) < 0.5 ? -1 : 1);
  const ys = Float64Array.from(
    { length: count },
    (_, i) => signed(i, goldenRatio) * 2 ** (lowest + (highest - lowest) * fraction(i, Math.SQRT2)),
  );
  const xs = ys.map((y, i) =>
    signed(i, Math.sqrt(5)) * Math.abs(y) * 2 ** (spread * (fraction(i, Math.sqrt(7)) - 0.5))
  );
  return [ys, xs];
}

function ofTwo(
  name: string,
  op: (a: Tensor, b: Tensor) => Tensor,
  exact: (a: Precise, b: Precise) => Precise,
  bounds: readonly [float32: number, float64: number],
  sampled: (count: number, dtype: ShortFloat | "float64") => readonly Float64Array[],
): Judged {
  return {
    name,
    op: (a, b) => op(a!, b!),
    exact: (a, b) => exact(a!, b!),
    bounds,
    floor: () => 0,
    sampled: (dtype, count) =>
      sampled(count, dtype).map((xs) => dtype === "float16" ? Float16Array.from(xs) : Float32Array.from(xs)),
    sampled64: (count) => sampled(count, "float64"),
  };
}

const { PI } = Math;
const angles: Features = { around: [PI / 2, PI, -1.5 * PI, 355], reach: 40 };
const withinOne: Features = { around: [-1, 1], reach: 0 };
const exponentials: Features = { reach: 10 };

// deno-fmt-ignore
export const judgedFunctions: readonly Judged[] = [
  ofOne("sqrt", ops.sqrt, exact.sqrt, [0.5, 0.5]),
  ofOne("rsqrt", ops.rsqrt, exact.rsqrt, [2, 2]),
  ofOne("reciprocal", ops.reciprocal, exact.reciprocal, [0.5, 0.5]),
  ofOne("cbrt", ops.cbrt, exact.cbrt, [1, 1]),
  ofTwo("pow", ops.pow, exact.pow, [1, 1], powers),
  ofOne("exp", ops.exp, exact.exp, [2, 1], exponentials),
  ofOne("exp2", ops.exp2, exact.exp2, [2, 1], { reach: 10.1 }),
  ofOne("expm1", ops.expm1, exact.expm1, [2, 1], exponentials),
  ofOne("log", ops.log, exact.log, [2, 1], { around: [1] }),
  ofOne("log2", ops.log2, exact.log2, [2, 1], { around: [1] }),
  ofOne("log10", ops.log10, exact.log10, [3, 1], { around: [1] }),
  ofOne("log1p", ops.log1p, exact.log1p, [3, 1], { around: [-1] }),
  ofOne("sin", ops.sin, exact.sin, [2, 1], angles),
  ofOne("cos", ops.cos, exact.cos, [2, 1], angles),
  ofOne("tan", ops.tan, exact.tan, [4, 1], angles),
  ofOne("asin", ops.asin, exact.asin, [1, 1], withinOne),
  ofOne("acos", ops.acos, exact.acos, [1, 1], withinOne),
  ofOne("atan", ops.atan, exact.atan, [1, 1]),
  ofTwo("atan2", ops.atan2, exact.atan2, [1, 1], points),
  ofOne("sinh", ops.sinh, exact.sinh, [3, 2], exponentials),
  ofOne("cosh", ops.cosh, exact.cosh, [2, 2], exponentials),
  ofOne("tanh", ops.tanh, exact.tanh, [3, 3]),
  ofOne("asinh", ops.asinh, exact.asinh, [1, 2]),
  ofOne("acosh", ops.acosh, exact.acosh, [1, 2], { around: [1] }),
  ofOne("atanh", ops.atanh, exact.atanh, [1, 2], withinOne),
  ofOne("erf", ops.erf, exact.erf, [1, 1]),
  ofOne("erfc", ops.erfc, exact.erfc, [1, 3], { around: [1, 6], reach: 5 }),
  ofOne("erfinv", ops.erfinv, exact.erfinv, [1, 3], withinOne),
  ofOne("lgamma", ops.lgamma, exact.lgamma, [1, 3], {
    around: [1, 2, -2.4570247382208006, -3, -10], reach: 10, floor: (x) => (x < 0 ? 1 : 0),
  }),
  ofOne("digamma", ops.digamma, exact.digamma, [1, 5], {
    around: [1.4616321449683622, -0.5040830082644554, -3, -10], reach: 10,
    floor: (x) => (x < 0 ? Math.max(1, Math.log(-x)) : 0),
  }),
  ofOne("sigmoid", sigmoid, exact.sigmoid, [3, 2], exponentials),
  ofOne("softplus", softplus, exact.softplus, [2, 2], exponentials),
  ofOne("logSigmoid", logSigmoid, exact.logSigmoid, [2, 2], exponentials),
  ofOne("elu", elu, exact.elu, [2, 1], exponentials),
];

export interface Worst {
  readonly ulps: number;
  /** The arguments. */
  readonly at: readonly number[];
}

function worstOf(count: number, errorAt: (i: number) => number, args: readonly ArrayLike<number>[]): Worst {
  let [ulps, worst] = [0, 0];
  for (let i = 0; i < count; i++) {
    const error = errorAt(i);
    if (error > ulps) [ulps, worst] = [error, i];
  }
  return { ulps, at: args.map((xs) => xs[worst]!) };
}

/** The largest error of a short float among so many arguments (of one float16, all), judged by the function of float64. */
export function worstShort(f: Judged, dtype: ShortFloat, count: number): Worst {
  const args = f.sampled(dtype, count);
  const results = f.op(...args.map((xs) => ops.tensor(xs))).dataSync();
  const exact = f.op(...args.map((xs) => ops.tensor(Float64Array.from(xs)))).dataSync();
  return worstOf(exact.length, (i) => errorOf(results[i]!, exact[i]!, f.floor(args[0]![i]!), dtype), args);
}

/** The largest error of float64 among so many arguments, judged in decimal arithmetic. */
export function worst64(f: Judged, count: number): Worst {
  const args = f.sampled64(count);
  const results = f.op(...args.map((xs) => ops.tensor(xs))).dataSync();
  return worstOf(count, (i) => {
    const exact = f.exact(...args.map((xs) => precise(xs[i]!)));
    return preciseErrorOf(results[i]!, exact, f.floor(args[0]![i]!));
  }, args);
}
